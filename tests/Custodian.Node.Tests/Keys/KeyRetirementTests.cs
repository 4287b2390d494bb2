using System.Collections.Immutable;
using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
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
    public void Hindrances_NothingRefersToIt_AreNone(KeyPurpose purpose) => Assert.Empty(Of(Used(2, 2, 7)).Hindrances(purpose, 1));

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    [InlineData(KeyPurpose.Audit)]
    public void Hindrances_TheNewest_IsOne(KeyPurpose purpose) =>
        Assert.Contains("it is the newest", Of(Used(1, 1, 0)).Hindrances(purpose, 2).First(), StringComparison.Ordinal);

    [Theory]
    [InlineData(KeyPurpose.Seal, 1U, 2U)]
    [InlineData(KeyPurpose.Wrap, 2U, 1U)]
    public void Hindrances_RecordsUnderIt_AreCounted(KeyPurpose purpose, uint seal, uint wrap)
    {
        KeyRetirement known = Of(Used(seal, wrap, 7));

        Assert.StartsWith("7 records are under it", Assert.Single(known.Hindrances(purpose, 1)), StringComparison.Ordinal);
        Assert.Empty(known.Hindrances(purpose == KeyPurpose.Seal ? KeyPurpose.Wrap : KeyPurpose.Seal, 1));
    }

    [Fact]
    public void Hindrances_NodesSecretsUnderIt_IsOneOfTheSealKeyOnly()
    {
        KeyRetirement known = Of(Used(2, 2, 1) with { Secrets = new BlobVersions(1, null) });

        Assert.Contains("the node's own secrets", Assert.Single(known.Hindrances(KeyPurpose.Seal, 1)), StringComparison.Ordinal);
        Assert.Empty(known.Hindrances(KeyPurpose.Wrap, 1));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData((16 * 60 * 1000) - 1, 1)]
    [InlineData(16 * 60 * 1000, 0)]
    public void Hindrances_KeysThatClientsMayHold_AreWaitedFor(long after, int expected)
    {
        KeyRetirement known = Of(Used(2, 2, 0)) with { AsOfMs = Rotated + after };
        string[] seal = [.. known.Hindrances(KeyPurpose.Seal, 1)];
        string[] wrap = [.. known.Hindrances(KeyPurpose.Wrap, 1)];

        Assert.Equal((expected, expected), (seal.Length, wrap.Length));
        Assert.All(seal.Concat(wrap), h => Assert.Contains("until 2026-09-21T", h, StringComparison.Ordinal));
        Assert.Empty(known.Hindrances(KeyPurpose.Audit, 1));
    }

    [Fact]
    public void Hindrances_NoNodeUsesTheNewestYet_IsOne() => Assert.Contains(
        "no serving node",
        Assert.Single(Of(Used(2, 2, 0) with { FirstUseMs = ImmutableDictionary<(KeyPurpose, uint), long>.Empty }).Hindrances(KeyPurpose.Seal, 1)),
        StringComparison.Ordinal);

    /// <summary>A process of the HSM that does not see the newest makes new things under the one before, which no count of before has.</summary>
    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    public void Hindrances_NodeWentBackToAnOlderVersion_IsOneUntilItUsesTheNewestAgain(KeyPurpose purpose)
    {
        KeyUse used = Used(2, 2, 1);
        KeyRetirement back = Of(used with { FirstUseMs = used.FirstUseMs.Add((purpose, 1), Rotated + 1) });
        KeyRetirement before = Of(used with { FirstUseMs = used.FirstUseMs.Add((purpose, 1), Rotated) });

        string said = Assert.Single(back.Hindrances(purpose, 1));

        string word = purpose.ToString().ToLowerInvariant();
        Assert.Contains($"makes new things under custodian/{word}/1 again", said, StringComparison.Ordinal);
        Assert.Contains($"does not see custodian/{word}/2", said, StringComparison.Ordinal);
        Assert.Empty(before.Hindrances(purpose, 1));
        Assert.Empty(back.Hindrances(purpose == KeyPurpose.Seal ? KeyPurpose.Wrap : KeyPurpose.Seal, 1));
    }

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    public void PreparedUntil_CallsMayTakeLonger_IsLater(KeyPurpose purpose) =>
        Assert.Equal(Rotated + (20 * 60 * 1000), (Of(Used(2, 2, 0)) with { CallTime = TimeSpan.FromMinutes(5) }).PreparedUntilMs(purpose));

    [Theory]
    [InlineData(59_999, 1)]
    [InlineData(60_000, 0)]
    public void Hindrances_RecordsSealedAnewJustNow_AreWaitedFor(long after, int expected) => Assert.Equal(
        expected, (Of(Used(2, 2, 1)) with { ResealedMs = LongAfter - after }).Hindrances(KeyPurpose.Seal, 1).Count());

    [Fact]
    public void Hindrances_RecordsThatNameNothing_IsOne() => Assert.Contains(
        "3 records do not say", Assert.Single(Of(Used(2, 2, 1) with { Unreadable = 3 }).Hindrances(KeyPurpose.Seal, 1)), StringComparison.Ordinal);

    [Fact]
    public void Hindrances_NobodyKnowsWhichKeysAreTheNodes_IsTheOnlyOne() => Assert.Equal(
        "because", Assert.Single((Of(Used(2, 2, 7)) with { Standing = Two with { Refusal = "because" } }).Hindrances(KeyPurpose.Seal, 1)));

    [Theory]
    [InlineData("slot", FindingAdvice.Stray, true)]
    [InlineData("body", FindingAdvice.Stray, true)]
    [InlineData("audit", FindingAdvice.Audit, true)]
    [InlineData("key", FindingAdvice.Key, true)]
    [InlineData("key", FindingAdvice.KeyList, false)]
    [InlineData("slot", FindingAdvice.File, false)]
    [InlineData("audit", FindingAdvice.File, false)]
    [InlineData("record", FindingAdvice.Stray, false)]
    [InlineData("record", FindingAdvice.Account, false)]
    [InlineData("account", FindingAdvice.Account, false)]
    [InlineData("file", FindingAdvice.File, false)]
    [InlineData("schema", FindingAdvice.Schema, false)]
    public void Findings_OfWhatNoRecordRestsOn_LeaveKnownWhatIsUnderOtherKeys(string part, string next, bool isKnown)
    {
        var report = new VerificationReport();
        report.Add(new Finding(part, null, "custodian/wrap/1", "it is not as it was", next));

        Assert.Equal(isKnown, report.LeavesKnownWhatIsUnder("custodian/wrap/2"));
        Assert.False(report.LeavesKnownWhatIsUnder("custodian/wrap/1"));
    }

    [Fact]
    public void Findings_MoreThanAreListed_LeaveNothingKnown()
    {
        var report = new VerificationReport();
        for (int i = 0; i <= VerificationReport.MostListed; i++)
        {
            Assert.True(report.LeavesKnownWhatIsUnder("custodian/wrap/1"));
            report.Add(new Finding("slot", null, $"slot {i}", "it is not as it was", FindingAdvice.Stray));
        }

        Assert.False(report.LeavesKnownWhatIsUnder("custodian/wrap/1"));
    }

    private static KeyRetirement Of(KeyUse use) => new(Two, use, ResealedMs: null, AsOfMs: LongAfter, TimeSpan.FromMinutes(1));

    private static KeyUse Used(uint seal, uint wrap, long count) => new(
        [new RecordsUnder(new BlobVersions(seal, wrap), count)],
        Unreadable: 0,
        new BlobVersions(2, null),
        Enum.GetValues<KeyPurpose>().ToImmutableDictionary(p => (p, 2U), _ => Rotated));
}
