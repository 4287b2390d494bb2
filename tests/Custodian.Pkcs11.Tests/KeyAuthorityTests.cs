using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>Whatever else bears the labels of a node's keys, whoever put it there.</summary>
public sealed class KeyAuthorityTests : IDisposable
{
    private readonly SoftHsmToken token = new();

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Open_KeysPlantedWithoutThePin_AreLeftAloneAndTold()
    {
        await token.CreateKeysAsync();
        PlantWithoutPin();

        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);

        Assert.Equal([1U], hsm.Keys.Seal);
        Assert.Equal([1U], hsm.Keys.Wrap);
        Assert.Equal([(1U, true)], hsm.Keys.Audit.Select(key => (key.Version, key.IsPrivateThere)));
        Assert.NotEqual(P256.Generator, hsm.Keys.Signing.PublicKey.ToArray());
        Assert.Equal(
            ["custodian/audit/1", "custodian/audit/9", "custodian/seal/2", "custodian/seal/4294967295", "custodian/wrap/2"],
            hsm.Keys.Unused.Select(key => key.Label).Order(StringComparer.Ordinal));
        await hsm.ProbeAsync(CancellationToken.None);
        Assert.True(BlobVersions.TryRead(await hsm.SealAsync(new byte[1], new byte[1]), out var versions));
        Assert.Equal(1U, versions.Seal);
    }

    [Fact]
    public async Task Open_PlantedKeysThatAreAuthorisedToo_AreLeftAloneBecauseTheyNeedNoPin()
    {
        await token.CreateKeysAsync();
        PlantWithoutPin();

        await using var hsm = await Pkcs11Hsm.OpenAsync(
            token.Options(authorised: [new(KeyPurpose.Seal, 2, ""), new(KeyPurpose.Wrap, 2, "")]), CancellationToken.None);

        Assert.Equal([1U], hsm.Keys.Seal);
        Assert.Equal([1U], hsm.Keys.Wrap);
        Assert.Contains(hsm.Keys.Unused, key => key.Why.Contains("custodian/seal/2 has CKA_PRIVATE off", StringComparison.Ordinal));
        Assert.Contains(hsm.Keys.Unused, key => key.Why.Contains("custodian/wrap/2 has CKA_PRIVATE off", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(KeyPurpose.Seal, 3)]
    [InlineData(KeyPurpose.Wrap, 3)]
    [InlineData(KeyPurpose.Audit, 2)]
    public async Task Rotate_BesidePlantedKeys_MakesAVersionOfALabelThatIsFree(KeyPurpose purpose, uint expected)
    {
        await token.CreateKeysAsync();
        PlantWithoutPin();

        var made = await TokenKeys.RotateAsync(token.Options(), purpose, 0, CancellationToken.None);

        Assert.Equal(TokenKeys.LabelOf(purpose, expected), made.Label);
        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(authorised: [made.Key]), CancellationToken.None);
        Assert.Equal(expected, hsm.Keys.Newest(purpose));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Open_HalfMadeVersion_IsLeftAloneAndToldAndTheOlderOneServes(bool isAuthorised)
    {
        await token.CreateKeysAsync();
        using (var connection = TokenConnection.Open(token.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            // As a kill in the midst of SoftHSM's writes leaves it: the label is there, CKA_LOCAL is not on.
            using var half = PlantedKeys.Known("custodian/seal/2");
            session.Create(half);
        }

        await using var hsm = await Pkcs11Hsm.OpenAsync(
            token.Options(authorised: isAuthorised ? [new(KeyPurpose.Seal, 2, "00ff")] : []), CancellationToken.None);

        Assert.Equal([1U], hsm.Keys.Seal);
        var left = Assert.Single(hsm.Keys.Unused);
        Assert.Equal("custodian/seal/2", left.Label);
        Assert.StartsWith(isAuthorised ? "half made" : "not authorised", left.Why, StringComparison.Ordinal);
        Assert.EndsWith("remove it", left.Why, StringComparison.Ordinal);
    }

    private static void PlantWithoutPin()
    {
        using var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
        using var session = module.OpenSession(module.FindSlot(SoftHsmToken.Label, serial: null), readWrite: true);
        Assert.NotEqual(SessionStanding.User, session.Standing());
        PlantedKeys.PlantWithoutPin(session);
    }
}
