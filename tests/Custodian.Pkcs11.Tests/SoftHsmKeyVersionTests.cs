using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.Isolation;
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

        var keys = await Hsm.RefreshKeysAsync([.. Authorised, new TokenKey(KeyPurpose.Seal, 4000, "00ff")]);
        var blob = await Hsm.SealAsync(new byte[1], new byte[1]);
        session.Destroy(planted);

        Assert.Contains("custodian/seal/4000 has CKA_LOCAL off", Assert.Single(keys.Unused).Why, StringComparison.Ordinal);
        Assert.True(BlobVersions.TryRead(blob, out var versions));
        Assert.Equal(before.Newest(KeyPurpose.Seal), versions.Seal);
        Assert.Equal(before.Of(KeyPurpose.Seal), (await Hsm.RefreshKeysAsync([.. Authorised])).Of(KeyPurpose.Seal));
    }

    [Fact]
    public async Task Refresh_TwinOfAnAuthorisedVersion_TakesNothingNewAndOneOfTheSameIdentityIsRefused()
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

        Assert.Equal(made, keys.Used(KeyPurpose.Wrap));
        Assert.Equal(2, keys.Fit.Count(key => key is { Purpose: KeyPurpose.Wrap, Version: 700 }));
        Assert.Contains("2 keys custodian/wrap/700", failure.Message, StringComparison.Ordinal);
        Assert.Contains(made.Identity, failure.Message, StringComparison.Ordinal);
        Assert.Contains("remove neither", failure.Message, StringComparison.Ordinal);
        Assert.Empty((await Hsm.RefreshKeysAsync([.. Authorised])).Unused);
    }

    /// <summary>A version of that name is there, and no key of it that the record would open with.</summary>
    [Fact]
    public async Task Adopt_WrapKeyThatIsGoneBesideATwinOfItsVersion_IsRejected()
    {
        using var session = TokenVersions.OpenSoftHsm();
        var made = TokenVersions.Make(session, KeyPurpose.Wrap, 600, OptionalProtections.All);
        await Hsm.RefreshKeysAsync([.. Authorised, made]);
        using var first = (await Hsm.AdmitAsync(CancellationToken.None))!;
        using var second = (await Hsm.AdmitAsync(CancellationToken.None))!;
        var prepared = await Hsm.PrepareAsync(first, P256.Generator, long.MaxValue, new byte[1]);
        TokenVersions.Destroy(session, KeyPurpose.Wrap, 600);
        var twin = session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.All, 600, new byte[16]));

        var keys = await Hsm.RefreshKeysAsync([.. Authorised]);
        var adopted = await Hsm.AdoptAsync(second, prepared.SealedKey, 0, new byte[1], new byte[32], new byte[1]);
        session.Destroy(twin);

        Assert.Contains(600U, keys.Of(KeyPurpose.Wrap));
        Assert.Equal(AdoptOutcome.Rejected, adopted.Outcome);
        Assert.DoesNotContain(600U, (await Hsm.RefreshKeysAsync()).Of(KeyPurpose.Wrap));
    }

    /// <summary>threat-model.md names this among the residual risks: a listed key is told by its CKA_ID, which a PIN holder gives to another.</summary>
    [Fact]
    public async Task ResidualRisk_NewestWrapKeyMadeAnewWithItsId_IsTakenUpAndUnwrapsReadably()
    {
        using var session = TokenVersions.OpenSoftHsm();
        var made = TokenVersions.Make(session, KeyPurpose.Wrap, 750, OptionalProtections.All);
        await Hsm.RefreshKeysAsync([.. Authorised, made]);
        var before = await KnownRecord.MakeAsync(Hsm);
        TokenVersions.Destroy(session, KeyPurpose.Wrap, 750);
        using var protectsNothing = new AttributeTemplate().Add(Cka.Private, true).Add(Cka.Derive, true);
        using var template = TokenKeyTemplates.Wrap(
            OptionalProtections.AllowedMechanisms | OptionalProtections.Frozen, 750, Convert.FromHexString(made.Identity));
        var thiefs = session.GenerateAesKey(template.Add(Cka.UnwrapTemplate, protectsNothing));

        var keys = await Hsm.RefreshKeysAsync();
        var lost = await before.TryEvaluateAsync(Hsm);
        await (await KnownRecord.MakeAsync(Hsm)).EvaluateAsync(Hsm);
        var wrapped = new byte[1024];
        var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
        wrapped = wrapped[..session.Wrap(Ckm.AesKeyWrapPad, thiefs, pair.Private, wrapped)];
        using var readable = new AttributeTemplate()
            .Add(Cka.Class, Cko.PrivateKey)
            .Add(Cka.KeyType, Ckk.Ec)
            .Add(Cka.Token, false)
            .Add(Cka.Derive, true)
            .Add(Cka.Sensitive, false)
            .Add(Cka.Extractable, true);
        var unwrapped = PinHolder.Unwrap(session, Ckm.AesKeyWrapPad, thiefs, wrapped, readable);
        TokenVersions.Destroy(session, KeyPurpose.Wrap, 750);
        await Hsm.RefreshKeysAsync([.. Authorised]);

        Assert.Equal(made, keys.Used(KeyPurpose.Wrap));
        Assert.Equal(HsmErrorClass.Data, lost?.Class);
        Assert.Equal(ReturnValue.Ok, unwrapped);
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
        Assert.Equal(before.Used(KeyPurpose.Wrap), keys.Used(KeyPurpose.Wrap));
    }

    private protected override Task<TokenKey> MakeAsync(KeyPurpose purpose, uint version) =>
        Task.FromResult(TokenVersions.MakeInSoftHsm(purpose, version));

    private protected override Task DestroyAsync(TokenKey key)
    {
        TokenVersions.DestroyInSoftHsm(key.Purpose, key.Version);
        return Task.CompletedTask;
    }
}
