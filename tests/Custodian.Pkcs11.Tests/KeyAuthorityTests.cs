using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.Isolation;
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

        Assert.Equal(token.Made, hsm.Keys.Fit);
        Assert.Equal(token.Made, hsm.Keys.InUse);
        Assert.NotEqual(P256.Generator, hsm.Keys.SigningPoint.ToArray());
        Assert.Equal(
            ["custodian/seal/1", "custodian/seal/2", "custodian/seal/4294967295", "custodian/wrap/2"],
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
            token.With(new TokenKey(KeyPurpose.Seal, 2, ""), new TokenKey(KeyPurpose.Wrap, 2, "")), CancellationToken.None);

        Assert.Equal(token.Made, hsm.Keys.Fit);
        Assert.Equal(token.Made, hsm.Keys.InUse);
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
        await using var hsm = await Pkcs11Hsm.OpenAsync(token.With(made.Key), CancellationToken.None);
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
            isAuthorised ? token.With(new TokenKey(KeyPurpose.Seal, 2, "00ff")) : token.Options(), CancellationToken.None);

        Assert.Equal(token.Made, hsm.Keys.Fit);
        var left = Assert.Single(hsm.Keys.Unused);
        Assert.Equal("custodian/seal/2", left.Label);
        Assert.StartsWith("the key with CKA_ID 00ff is not what init or rotate made, or was changed since", left.Why, StringComparison.Ordinal);

        // Of a version that a database may be under nobody is told to remove anything.
        Assert.DoesNotContain("remove", left.Why, StringComparison.Ordinal);
    }

    /// <summary>A key that was made as the node makes them, and that nobody named: it opens, and nothing new is made under it.</summary>
    [Fact]
    public async Task Open_FitKeyThatIsNotAuthorised_MakesNothingNewAndIsNeverCalledUnfit()
    {
        await token.CreateKeysAsync();
        var later = await TokenKeys.RotateAsync(token.Options(), KeyPurpose.Seal, 0, CancellationToken.None);

        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);

        Assert.Contains(later.Key, hsm.Keys.Fit);
        Assert.Equal(1U, hsm.Keys.Newest(KeyPurpose.Seal));
        Assert.Empty(hsm.Keys.Unused);
    }

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    [InlineData(KeyPurpose.Audit)]
    public async Task Open_NoAuthorisedKeyOfAPurposeIsThere_IsRefusedAndNamesThose(KeyPurpose purpose)
    {
        await token.CreateKeysAsync();
        TokenKey[] authorised = [.. token.Made!.Select(key => key.Purpose == purpose ? key with { Version = 7 } : key)];

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(authorised: authorised), CancellationToken.None));

        Assert.True(failure.IsOfBadKeys);
        Assert.Contains(TokenKeys.LabelOf(purpose, 7), failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Two keys under one label: each opens what is under it, whichever comes first, and one that is no key of the node's disturbs nothing.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Open_TwoKeysOfAVersion_EachOpensWhatIsUnderIt(bool isAuthorised)
    {
        await token.CreateKeysAsync();
        TokenKey seal, wrap;
        (byte[] Blob, KnownRecord Record) first, second;
        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None))
        {
            first = (await hsm.SealAsync(new byte[9], new byte[1]), await KnownRecord.MakeAsync(hsm));
            using (var session = TokenVersions.OpenSoftHsm())
            {
                (seal, wrap) = (TokenVersions.Make(session, KeyPurpose.Seal, 1, OptionalProtections.All), TokenVersions.Make(session, KeyPurpose.Wrap, 1, OptionalProtections.All));
            }
            await hsm.RefreshKeysAsync([seal, wrap, token.Made![2]]);
            second = (await hsm.SealAsync(new byte[9], new byte[1]), await KnownRecord.MakeAsync(hsm));
        }

        await using var opened = await Pkcs11Hsm.OpenAsync(isAuthorised ? token.Options() : token.OpenOnly(), CancellationToken.None);

        foreach (var (blob, record) in new[] { first, second })
        {
            Assert.Equal(new byte[9], await opened.OpenAsync(blob, new byte[1]));
            await record.EvaluateAsync(opened);
        }
        first.Blob[^1] ^= 1;
        Assert.Equal(HsmErrorClass.Data, (await Assert.ThrowsAsync<HsmException>(async () => await opened.OpenAsync(first.Blob, new byte[1]))).Class);
        await opened.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Open_NothingAuthorised_OpensAndMakesNothing()
    {
        await token.CreateKeysAsync();
        byte[] blob;
        KnownRecord record;
        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None))
        {
            (blob, record) = (await hsm.SealAsync(new byte[9], new byte[1]), await KnownRecord.MakeAsync(hsm));
        }

        await using var opened = await Pkcs11Hsm.OpenAsync(token.OpenOnly(), CancellationToken.None);

        Assert.Equal(new byte[9], await opened.OpenAsync(blob, new byte[1]));
        await record.EvaluateAsync(opened);
        await opened.ProbeAsync(CancellationToken.None);
        Assert.Empty(opened.Keys.InUse);
        foreach (var make in (Func<Task>[])
            [
                async () => await opened.SealAsync(new byte[1], new byte[1]), async () => await opened.SignAsync(new byte[1]), async () => await KnownRecord.MakeAsync(opened),
            ])
        {
            Assert.True((await Assert.ThrowsAsync<HsmException>(make)).IsOfBadKeys);
        }
        Assert.Equal(token.Made, (await opened.RefreshKeysAsync(token.Made)).InUse);
        Assert.NotEmpty(await opened.SealAsync(new byte[1], new byte[1]));
    }

    [Fact]
    public async Task Open_AuditKeysThatDoNotSign_AreLeftAloneAndToldAndARotationGoesOn()
    {
        await token.CreateKeysAsync();
        using (var connection = TokenConnection.Open(token.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            PlantedKeys.PlantAuditKeysThatDoNotSign(session);
        }

        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None))
        {
            Assert.Equal(token.Made, hsm.Keys.Fit);
            Assert.Equal(["custodian/audit/7", "custodian/audit/8"], hsm.Keys.Unused.Select(key => key.Label).Order(StringComparer.Ordinal));
            Assert.Contains(hsm.Keys.Unused, key => key.Why.Contains("CKA_EC_PARAMS of another curve", StringComparison.Ordinal));
            Assert.Contains(hsm.Keys.Unused, key => key.Why.Contains("does not sign", StringComparison.Ordinal));
            Assert.Equal(1U, (await hsm.SignAsync(new byte[1])).KeyVersion);
            Assert.Equal(hsm.Keys.Fit, (await hsm.RefreshKeysAsync(token.Made)).Fit);
        }

        var made = await TokenKeys.RotateAsync(token.Options(), KeyPurpose.Audit, 0, CancellationToken.None);
        Assert.Equal("custodian/audit/2", made.Label);
    }

    [Theory]
    [InlineData("CKA_ALWAYS_AUTHENTICATE", 0)]
    [InlineData("CKA_VALUE_LEN", 16)]
    public async Task Open_KeyOfAnotherKind_IsLeftAlone(string attribute, int bytes)
    {
        await token.CreateKeysAsync();
        using (var connection = TokenConnection.Open(token.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            if (bytes > 0)
            {
                using var seal = PlantedKeys.Short("custodian/seal/2", (nuint)bytes);
                session.GenerateAesKey(seal);
            }
            else
            {
                using var asking = TokenKeyTemplates.AuditPrivate(OptionalProtections.None, 2).Add(Cka.AlwaysAuthenticate, true);
                session.GenerateKeyPair(TokenKeyTemplates.AuditPublic(OptionalProtections.None, 2), asking);
            }
        }

        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);

        Assert.Equal(token.Made, hsm.Keys.Fit);
        Assert.Contains(attribute, Assert.Single(hsm.Keys.Unused).Why, StringComparison.Ordinal);
    }

    /// <summary>A key on the list that does not work must not keep shut what the commands need to list another.</summary>
    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    public async Task Refresh_AuthorisedKeyThatDoesNotWork_IsNamedAndTheNextVersionIsTaken(KeyPurpose purpose)
    {
        await token.CreateKeysAsync();
        TokenKey idle;
        using (var connection = TokenConnection.Open(token.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            idle = PlantedKeys.MakeIdle(session, purpose, 2);
            var refused = Assert.Throws<HsmException>(() => SelfTest.ProveMade(
                connection, KeyFinder.Find(connection.Anchor, null, new WrapAbility(SelfTest.ProvenWrapMechanism(connection), RecordKeyTemplates.UnwrappedBy(connection))), idle));
            Assert.Contains("does not", refused.Message, StringComparison.Ordinal);
        }

        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.OpenOnly(), CancellationToken.None))
        {
            await hsm.ProbeAsync(CancellationToken.None);
            await hsm.RefreshKeysAsync(token.Made);
            var failure = await Assert.ThrowsAsync<HsmException>(async () => await hsm.RefreshKeysAsync([.. token.Made!, idle]));
            Assert.True(failure.IsOfBadKeys);
            Assert.Contains($"The key {TokenKeys.LabelOf(idle)} does not work", failure.Message, StringComparison.Ordinal);
            Assert.Equal(1U, (await hsm.RefreshKeysAsync()).Newest(purpose));
            Assert.NotEmpty(await hsm.SealAsync(new byte[1], new byte[1]));
        }

        var next = await TokenKeys.RotateAsync(token.With(idle), purpose, 0, CancellationToken.None);
        await using var opened = await Pkcs11Hsm.OpenAsync(token.With(idle, next.Key), CancellationToken.None);
        Assert.Equal(3U, opened.Keys.Newest(purpose));
    }

    /// <summary>Below a listed version there may be one that was retired: its number is never made again.</summary>
    [Fact]
    public async Task Rotate_ListedVersionOfAHighNumber_GoesAboveItOrNowhere()
    {
        await token.CreateKeysAsync();
        TokenKey high = new(KeyPurpose.Seal, int.MaxValue, "00"), last = new(KeyPurpose.Seal, uint.MaxValue, "00");

        var made = await TokenKeys.RotateAsync(token.With(high), KeyPurpose.Seal, 0, CancellationToken.None);
        var failure = await Assert.ThrowsAsync<HsmException>(() => TokenKeys.RotateAsync(token.With(last), KeyPurpose.Seal, 0, CancellationToken.None));

        Assert.Equal("custodian/seal/2147483648", made.Label);
        Assert.Contains("no version above custodian/seal/4294967295", failure.Message, StringComparison.Ordinal);
    }

    private static void PlantWithoutPin()
    {
        using var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
        using var session = module.OpenSession(module.FindSlot(SoftHsmToken.Label, serial: null), readWrite: true);
        Assert.NotEqual(SessionStanding.User, session.Standing());
        PlantedKeys.PlantWithoutPin(session);
    }
}
