using System.Collections.Immutable;
using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Keys;

/// <summary>What stands in the way of destroying a version of a key.</summary>
public sealed class KeyRetirementTests
{
    private const long Rotated = 1_790_000_000_000;
    private const long LongAfter = Rotated + (60 * 60 * 1000);

    private static readonly TokenKey[] Both =
        [.. Enum.GetValues<KeyPurpose>().SelectMany(p => (TokenKey[])[new(p, 1, $"{(int)p}1"), new(p, 2, $"{(int)p}2")])];

    private static readonly KeyStanding Two = new(KeyList.Of(Both), new KeyInventory(Both, [.. Both.Where(k => k.Version == 2)]), null);

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    [InlineData(KeyPurpose.Audit)]
    public void Hindrances_NothingRefersToIt_AreNone(KeyPurpose purpose) => Assert.Empty(Of(Used(2, 2, 7)).Hindrances(purpose, 1, LongAfter));

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    [InlineData(KeyPurpose.Audit)]
    public void Hindrances_TheNewest_IsOne(KeyPurpose purpose) =>
        Assert.Contains("it is the newest", Of(Used(1, 1, 0)).Hindrances(purpose, 2, LongAfter).First(), StringComparison.Ordinal);

    [Theory]
    [InlineData(KeyPurpose.Seal, 1U, 2U)]
    [InlineData(KeyPurpose.Wrap, 2U, 1U)]
    public void Hindrances_RecordsUnderIt_AreCounted(KeyPurpose purpose, uint seal, uint wrap)
    {
        KeyRetirement known = Of(Used(seal, wrap, 7));

        Assert.StartsWith("7 records are under it", Assert.Single(known.Hindrances(purpose, 1, LongAfter)), StringComparison.Ordinal);
        Assert.Empty(known.Hindrances(purpose == KeyPurpose.Seal ? KeyPurpose.Wrap : KeyPurpose.Seal, 1, LongAfter));
    }

    [Fact]
    public void Hindrances_NodesSecretsUnderIt_IsOneOfTheSealKeyOnly()
    {
        KeyRetirement known = Of(Used(2, 2, 1) with { Secrets = new BlobVersions(1, null) });

        Assert.Contains("the node's own secrets", Assert.Single(known.Hindrances(KeyPurpose.Seal, 1, LongAfter)), StringComparison.Ordinal);
        Assert.Empty(known.Hindrances(KeyPurpose.Wrap, 1, LongAfter));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData((16 * 60 * 1000) - 1, 1)]
    [InlineData(16 * 60 * 1000, 0)]
    public void Hindrances_KeysThatClientsMayHold_AreWaitedFor(long after, int expected)
    {
        string[] seal = [.. Of(Used(2, 2, 0)).Hindrances(KeyPurpose.Seal, 1, Rotated + after)];
        string[] wrap = [.. Of(Used(2, 2, 0)).Hindrances(KeyPurpose.Wrap, 1, Rotated + after)];

        Assert.Equal((expected, expected), (seal.Length, wrap.Length));
        Assert.All(seal.Concat(wrap), h => Assert.Contains("until 2026-09-21T", h, StringComparison.Ordinal));
        Assert.Empty(Of(Used(2, 2, 0)).Hindrances(KeyPurpose.Audit, 1, Rotated + after));
    }

    [Fact]
    public void Hindrances_NoNodeUsesTheNewestYet_IsOne() => Assert.Contains(
        "no serving node",
        Assert.Single(Of(Used(2, 2, 0) with { FirstUseMs = ImmutableDictionary<(KeyPurpose, uint), long>.Empty }).Hindrances(KeyPurpose.Seal, 1, LongAfter)),
        StringComparison.Ordinal);

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    public void PreparedUntil_CallsMayTakeLonger_IsLater(KeyPurpose purpose) =>
        Assert.Equal(Rotated + (20 * 60 * 1000), (Of(Used(2, 2, 0)) with { CallTime = TimeSpan.FromMinutes(5) }).PreparedUntilMs(purpose));

    [Theory]
    [InlineData(59_999, 1)]
    [InlineData(60_000, 0)]
    public void Hindrances_RecordsSealedAnewJustNow_AreWaitedFor(long after, int expected) => Assert.Equal(
        expected, (Of(Used(2, 2, 1)) with { ResealedMs = LongAfter - after }).Hindrances(KeyPurpose.Seal, 1, LongAfter).Count());

    [Fact]
    public void Hindrances_RecordsThatNameNothing_IsOne() => Assert.Contains(
        "3 records do not say", Assert.Single(Of(Used(2, 2, 1) with { Unreadable = 3 }).Hindrances(KeyPurpose.Seal, 1, LongAfter)), StringComparison.Ordinal);

    [Fact]
    public void Hindrances_NobodyKnowsWhichKeysAreTheNodes_IsTheOnlyOne() => Assert.Equal(
        "because", Assert.Single((Of(Used(2, 2, 7)) with { Standing = Two with { Refusal = "because" } }).Hindrances(KeyPurpose.Seal, 1, LongAfter)));

    private static KeyRetirement Of(KeyUse use) => new(Two, use, ResealedMs: null, TimeSpan.FromMinutes(1));

    private static KeyUse Used(uint seal, uint wrap, long count) => new(
        [new RecordsUnder(new BlobVersions(seal, wrap), count)],
        Unreadable: 0,
        new BlobVersions(2, null),
        Enum.GetValues<KeyPurpose>().ToImmutableDictionary(p => (p, 2U), _ => Rotated));
}
