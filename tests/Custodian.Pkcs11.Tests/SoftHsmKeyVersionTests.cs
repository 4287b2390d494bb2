using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

public sealed class SoftHsmKeyVersionTests(OpenSoftHsm fixture) : KeyVersionContract(fixture.Hsm), IClassFixture<OpenSoftHsm>
{
    [Fact]
    public async Task Refresh_PlantedKeyThatSomebodyKnows_IsLeftAloneEvenWhenItIsAuthorised()
    {
        var before = await Hsm.RefreshKeysAsync();
        using var session = TokenVersions.OpenSoftHsm();
        using var known = PlantedKeys.Known("custodian/seal/4000");
        var planted = session.Create(known);

        var keys = await Hsm.RefreshKeysAsync([.. Authorised, new AuthorisedKey(KeyPurpose.Seal, 4000, "00ff")]);
        var blob = await Hsm.SealAsync(new byte[1], new byte[1]);
        session.Destroy(planted);

        Assert.Contains("custodian/seal/4000 has CKA_LOCAL off", Assert.Single(keys.Unused).Why, StringComparison.Ordinal);
        Assert.True(BlobVersions.TryRead(blob, out var versions));
        Assert.Equal(before.Newest(KeyPurpose.Seal), versions.Seal);
        Assert.Equal(before.Seal, (await Hsm.RefreshKeysAsync([.. Authorised])).Seal);
    }

    [Fact]
    public async Task Refresh_TwinOfAnAuthorisedVersion_IsLeftAloneAndOneOfTheSameIdentityIsRefused()
    {
        using var session = TokenVersions.OpenSoftHsm();
        var made = TokenVersions.Make(session, KeyPurpose.Wrap, 700, OptionalProtections.All);
        await Hsm.RefreshKeysAsync([.. Authorised, made]);
        var twin = session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.All, 700, new byte[16]));

        var keys = await Hsm.RefreshKeysAsync();
        var same = session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.All, 700, Convert.FromHexString(made.Identity)));
        var failure = await Assert.ThrowsAsync<HsmException>(async () => await Hsm.RefreshKeysAsync());
        await Hsm.ProbeAsync(CancellationToken.None);
        session.Destroy(same);
        session.Destroy(twin);
        TokenVersions.Destroy(session, KeyPurpose.Wrap, 700);

        Assert.Equal(700U, keys.Newest(KeyPurpose.Wrap));
        Assert.Equal("custodian/wrap/700", Assert.Single(keys.Unused).Label);
        Assert.Contains("2 keys custodian/wrap/700", failure.Message, StringComparison.Ordinal);
        Assert.Empty((await Hsm.RefreshKeysAsync([.. Authorised])).Unused);
    }

    [Theory]
    [InlineData((int)OptionalProtections.None, "CKA_MODIFIABLE on")]
    [InlineData((int)OptionalProtections.Frozen, "CKA_UNWRAP_TEMPLATE off")]
    public async Task Refresh_AuthorisedVersionThatIsGuardedLess_IsLeftAlone(int protections, string why)
    {
        var before = await Hsm.RefreshKeysAsync();
        using var session = TokenVersions.OpenSoftHsm();
        var made = TokenVersions.Make(session, KeyPurpose.Wrap, 800, (OptionalProtections)protections);

        var keys = await Hsm.RefreshKeysAsync([.. Authorised, made]);
        TokenVersions.Destroy(session, KeyPurpose.Wrap, 800);
        await Hsm.RefreshKeysAsync([.. Authorised]);

        Assert.Contains(why, Assert.Single(keys.Unused).Why, StringComparison.Ordinal);
        Assert.Equal(before.Wrap, keys.Wrap);
    }

    private protected override Task<AuthorisedKey> MakeAsync(KeyPurpose purpose, uint version) =>
        Task.FromResult(TokenVersions.MakeInSoftHsm(purpose, version));

    private protected override Task DestroyAsync(KeyPurpose purpose, uint version)
    {
        TokenVersions.DestroyInSoftHsm(purpose, version);
        return Task.CompletedTask;
    }
}
