using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>The node's three keys, as the token shows them.</summary>
public sealed class TokenKeysTests(SoftHsmWithKeys token) : IClassFixture<SoftHsmWithKeys>
{
    private static readonly (string Name, nuint Attribute)[] Flags =
    [
        ("token", Cka.Token), ("private", Cka.Private), ("sensitive", Cka.Sensitive), ("extractable", Cka.Extractable),
        ("encrypt", Cka.Encrypt), ("decrypt", Cka.Decrypt), ("wrap", Cka.Wrap), ("unwrap", Cka.Unwrap), ("sign", Cka.Sign),
        ("verify", Cka.Verify), ("derive", Cka.Derive), ("modifiable", Cka.Modifiable), ("copyable", Cka.Copyable),
        ("never-extractable", Cka.NeverExtractable), ("always-sensitive", Cka.AlwaysSensitive),
    ];

    [Fact]
    public void Create_FreshToken_SaysWhatItMade() => Assert.Equal(
        [
            ("custodian/seal/1", "AES-256", "encrypt and decrypt", 0),
            ("custodian/wrap/1", "AES-256", "wrap and unwrap", 0),
            ("custodian/audit/1", "EC P-256", "sign", 0),
        ],
        token.Keys.Select(key => (key.Label, key.Algorithm, key.Use, key.Missing.Count)));

    [Theory]
    [InlineData("custodian/seal/1", "token private sensitive encrypt decrypt copyable never-extractable always-sensitive")]
    [InlineData("custodian/wrap/1", "token private sensitive wrap unwrap never-extractable always-sensitive")]
    [InlineData("custodian/audit/1", "token private sensitive sign copyable never-extractable always-sensitive")]
    public void Create_FreshToken_KeysHaveTheseFlagsAndNoOther(string label, string flags)
    {
        using var connection = TokenConnection.Open(token.Options());
        var key = Find(connection.Anchor, label, label.Contains("audit", StringComparison.Ordinal) ? Cko.PrivateKey : Cko.SecretKey);

        var on = Flags.Where(flag => connection.Anchor.ReadFlag(key, flag.Attribute) == true).Select(flag => flag.Name);

        Assert.Equal(flags, string.Join(' ', on));
    }

    [Theory]
    [InlineData("custodian/seal/1", new ulong[] { 0x1087 })]
    [InlineData("custodian/wrap/1", new ulong[] { 0x210A, 0x210B })]
    [InlineData("custodian/audit/1", new ulong[] { 0x1041 })]
    public void Create_FreshToken_KeysAreLimitedToTheirMechanisms(string label, ulong[] expected)
    {
        using var connection = TokenConnection.Open(token.Options());
        var key = Find(connection.Anchor, label, label.Contains("audit", StringComparison.Ordinal) ? Cko.PrivateKey : Cko.SecretKey);
        var value = new byte[64];

        var length = connection.Anchor.Read(key, Cka.AllowedMechanisms, value);

        Assert.Equal(expected, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(value.AsSpan(0, length)).ToArray().Order());
    }

    [Fact]
    public void Create_FreshToken_AesKeysHave256BitsAndNoReadableValue()
    {
        using var connection = TokenConnection.Open(token.Options());
        var value = new byte[64];
        foreach (var label in new[] { TokenKeyNames.Seal, TokenKeyNames.Wrap })
        {
            var key = Find(connection.Anchor, label, Cko.SecretKey);

            Assert.Equal(8, connection.Anchor.Read(key, Cka.ValueLength, value));
            Assert.Equal(32UL, BitConverter.ToUInt64(value));
            Assert.Equal(-1, connection.Anchor.Read(key, Cka.Value, value));
        }
    }

    [Fact]
    public async Task Create_KeysExist_RefusesAndNamesThem()
    {
        var failure = await Assert.ThrowsAsync<TokenKeysExistException>(token.CreateKeysAsync);

        Assert.Equal(["custodian/seal/1", "custodian/wrap/1", "custodian/audit/1"], failure.Labels);
    }

    [Fact]
    public async Task Create_OneKeyExists_RefusesAndMakesNone()
    {
        using var other = new SoftHsmToken();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.None));
        }

        var failure = await Assert.ThrowsAsync<TokenKeysExistException>(other.CreateKeysAsync);

        Assert.Equal(["custodian/wrap/1"], failure.Labels);
        var absent = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(other.Options(), CancellationToken.None));
        Assert.Contains("custodian/seal/1", absent.Message, StringComparison.Ordinal);
    }

    /// <summary>As in a token of before keys had one: nothing tells two of them apart, and nothing new is made under either.</summary>
    [Theory]
    [InlineData("custodian/seal/1", "2 keys custodian/seal/1 with the same CKA_ID (none)")]
    [InlineData("custodian/wrap/1", "2 keys custodian/wrap/1 with the same CKA_ID (none)")]
    public async Task Open_SecondKeyOfALabelWithoutAnId_IsRefusedForNewThingsAndBothOpen(string label, string expected)
    {
        using var other = new SoftHsmToken();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            foreach (var one in (string[])[TokenKeyNames.Seal, TokenKeyNames.Wrap, label])
            {
                session.GenerateAesKey(one == TokenKeyNames.Seal
                    ? TokenKeyTemplates.Seal(OptionalProtections.None)
                    : TokenKeyTemplates.Wrap(OptionalProtections.None));
            }
            session.GenerateKeyPair(TokenKeyTemplates.AuditPublic(OptionalProtections.None), TokenKeyTemplates.AuditPrivate(OptionalProtections.None));
        }
        var there = await TokenKeys.ReadAsync(other.OpenOnly(), CancellationToken.None);

        var failure = await Assert.ThrowsAsync<HsmException>(
            () => Pkcs11Hsm.OpenAsync(other.Options(authorised: [.. there.Fit.Distinct()]), CancellationToken.None));

        Assert.Equal(4, there.Fit.Count);
        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }

    /// <summary>A rotation is the way out: what is under either of the two opens, and new things are under the new version.</summary>
    [Fact]
    public async Task Rotate_BesideTwoKeysOfOneIdentity_MakesAVersionThatIsUsed()
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(TokenKeyTemplates.Seal(OptionalProtections.All, 1, Convert.FromHexString(other.Made![0].Identity)));
        }
        await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(other.Options(), CancellationToken.None));

        var made = await TokenKeys.RotateAsync(other.Options(), KeyPurpose.Seal, 0, CancellationToken.None);

        await using var hsm = await Pkcs11Hsm.OpenAsync(other.With(made.Key), CancellationToken.None);
        Assert.Equal(made.Key, hsm.Keys.Used(KeyPurpose.Seal));
    }

    [Fact]
    public async Task Open_KeyWithAnotherUse_IsRefusedAndTheUseNamed()
    {
        using var other = new SoftHsmToken();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(TokenKeyTemplates.Seal(OptionalProtections.None));
            var wrap = session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.None));
            Assert.Equal(ReturnValue.Ok, PinHolder.Set(session, wrap, Cka.Decrypt, true));
            session.GenerateKeyPair(
                TokenKeyTemplates.AuditPublic(OptionalProtections.None), TokenKeyTemplates.AuditPrivate(OptionalProtections.None));
        }

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(other.Options(), CancellationToken.None));

        Assert.Contains("custodian/wrap/1 has CKA_DECRYPT on", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_KeyThatWasImported_IsRefused()
    {
        using var other = new SoftHsmToken();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(TokenKeyTemplates.Seal(OptionalProtections.None));
            session.GenerateKeyPair(
                TokenKeyTemplates.AuditPublic(OptionalProtections.None), TokenKeyTemplates.AuditPrivate(OptionalProtections.None));
            using var known = KnownWrapKey();
            session.Create(known);
        }

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(other.Options(), CancellationToken.None));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Contains("custodian/wrap/1 has CKA_LOCAL off", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_KeyThatWasUnwrapped_IsRefused()
    {
        using var other = new SoftHsmToken();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.None));
            session.GenerateKeyPair(
                TokenKeyTemplates.AuditPublic(OptionalProtections.None), TokenKeyTemplates.AuditPrivate(OptionalProtections.None));
            PlantSealKey(session);
        }

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(other.Options(), CancellationToken.None));

        Assert.Contains("custodian/seal/1 has CKA_LOCAL off", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KeyPurpose.Seal)]
    [InlineData(KeyPurpose.Wrap)]
    [InlineData(KeyPurpose.Audit)]
    public async Task Rotate_AnyPurpose_MakesTheNextVersionWithTheFlagsOfTheFirst(KeyPurpose purpose)
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();

        var made = await TokenKeys.RotateAsync(other.Options(), purpose, above: 0, CancellationToken.None);
        var later = await TokenKeys.RotateAsync(other.With(made.Key), purpose, above: 6, CancellationToken.None);

        Assert.Equal((TokenKeys.LabelOf(purpose, 2), TokenKeys.LabelOf(purpose, 7)), (made.Label, later.Label));
        Assert.Empty(made.Missing);
        using var connection = TokenConnection.Open(other.Options());
        var objectClass = purpose == KeyPurpose.Audit ? Cko.PrivateKey : Cko.SecretKey;
        var flags = ((uint[])[1, 2, 7]).Select(version => FlagsOf(connection.Anchor, Find(connection.Anchor, TokenKeys.LabelOf(purpose, version), objectClass)));
        Assert.Single(flags.Distinct());
    }

    [Fact]
    public async Task Rotate_TokenWithoutKeys_IsRefusedAndMakesNone()
    {
        using var other = new SoftHsmToken();

        await Assert.ThrowsAsync<HsmException>(() => TokenKeys.RotateAsync(other.Options(), KeyPurpose.Seal, 0, CancellationToken.None));

        Assert.Empty(await TokenKeys.FindAsync(other.Options(), CancellationToken.None));
    }

    [Fact]
    public async Task Retire_OlderVersion_IsGoneAndTheNewestIsRefused()
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();
        var first = other.Made![0];
        await Assert.ThrowsAsync<ArgumentException>(() => TokenKeys.RetireAsync(other.Options(), first, CancellationToken.None));
        var made = await TokenKeys.RotateAsync(other.Options(), KeyPurpose.Seal, 0, CancellationToken.None);
        await Assert.ThrowsAsync<ArgumentException>(() => TokenKeys.RetireAsync(other.Options(), first, CancellationToken.None));
        var options = other.With(made.Key);
        await Assert.ThrowsAsync<ArgumentException>(() => TokenKeys.RetireAsync(options, first with { Identity = "00" }, CancellationToken.None));

        await TokenKeys.RetireAsync(options, first, CancellationToken.None);

        foreach (var key in (TokenKey[])[first, made.Key, made.Key with { Version = 3 }])
        {
            await Assert.ThrowsAsync<ArgumentException>(() => TokenKeys.RetireAsync(options, key, CancellationToken.None));
        }
        var present = await TokenKeys.FindAsync(other.Options(), CancellationToken.None);
        Assert.Equal(["custodian/seal/2", "custodian/wrap/1", "custodian/audit/1"], present);
        Assert.Empty(TokenKeys.Lacking(present, EvaluationMode.Hsm));
    }

    [Fact]
    public async Task Retire_AuditVersion_OpensAllTheSameAndItsNumberIsNeverMadeAgain()
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();
        var made = await TokenKeys.RotateAsync(other.Options(), KeyPurpose.Audit, 0, CancellationToken.None);

        await TokenKeys.RetireAsync(other.With(made.Key), other.Made![2], CancellationToken.None);

        // Who knows the retired one alone, as a database from before the rotation does, opens with the token, and makes nothing.
        await using (var hsm = await Pkcs11Hsm.OpenAsync(other.OpenOnly(), CancellationToken.None))
        {
            Assert.Equal([2U], hsm.Keys.Of(KeyPurpose.Audit));
            var refused = await Assert.ThrowsAsync<HsmException>(async () => await hsm.RefreshKeysAsync(other.Made));
            Assert.Contains("custodian/audit/1", refused.Message, StringComparison.Ordinal);
            Assert.Equal(made.Key, (await hsm.RefreshKeysAsync([.. other.Made!, made.Key])).Used(KeyPurpose.Audit));
        }
        Assert.Equal("custodian/audit/3", (await TokenKeys.RotateAsync(other.Options(), KeyPurpose.Audit, 0, CancellationToken.None)).Label);
    }

    /// <summary>A database from before later rotations does not know their numbers; the token still has one.</summary>
    [Fact]
    public async Task Rotate_ByWhoDoesNotKnowALaterVersion_GoesAboveIt()
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();
        var second = await TokenKeys.RotateAsync(other.Options(), KeyPurpose.Seal, 0, CancellationToken.None);
        var third = await TokenKeys.RotateAsync(other.With(second.Key), KeyPurpose.Seal, 0, CancellationToken.None);
        await TokenKeys.RetireAsync(other.With(second.Key, third.Key), second.Key, CancellationToken.None);

        Assert.Equal("custodian/seal/4", (await TokenKeys.RotateAsync(other.Options(), KeyPurpose.Seal, 0, CancellationToken.None)).Label);
    }

    [Fact]
    public async Task Open_LaterVersionWithAnotherUse_IsLeftAloneAndNamed()
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            var wrap = session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.None, 2, [0xAA]));
            Assert.Equal(ReturnValue.Ok, PinHolder.Set(session, wrap, Cka.Decrypt, true));
        }

        await using var hsm = await Pkcs11Hsm.OpenAsync(other.With(new TokenKey(KeyPurpose.Wrap, 2, "aa")), CancellationToken.None);

        Assert.Equal([1U], hsm.Keys.Of(KeyPurpose.Wrap));
        Assert.Contains("custodian/wrap/2 has CKA_DECRYPT on", Assert.Single(hsm.Keys.Unused).Why, StringComparison.Ordinal);
    }

    private static string FlagsOf(Pkcs11Session session, nuint key) =>
        string.Join(' ', Flags.Where(flag => session.ReadFlag(key, flag.Attribute) == true).Select(flag => flag.Name));

    /// <summary>All that the wrap key should be, but of a value that somebody knows.</summary>
    private static AttributeTemplate KnownWrapKey() => Planted(TokenKeyNames.Wrap, cipher: false)
        .Add(Cka.Value, Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));

    /// <summary>Wraps a key that can be wrapped under one that is at hand, and brings it back under the label.</summary>
    private static void PlantSealKey(Pkcs11Session session)
    {
        using var wrapping = new AttributeTemplate()
            .Add(Cka.KeyType, Ckk.Aes).Add(Cka.Token, false).Add(Cka.ValueLength, (nuint)32).Add(Cka.Wrap, true).Add(Cka.Unwrap, true);
        using var loose = new AttributeTemplate()
            .Add(Cka.KeyType, Ckk.Aes).Add(Cka.Token, false).Add(Cka.ValueLength, (nuint)32).Add(Cka.Extractable, true);
        using var sealing = Planted(TokenKeyNames.Seal, cipher: true);
        Span<byte> wrapped = stackalloc byte[Pkcs11Session.MaxWrappedKeyLength];
        var under = session.GenerateAesKey(wrapping);
        var length = session.Wrap(Ckm.AesKeyWrapPad, under, session.GenerateAesKey(loose), wrapped);
        session.Unwrap(Ckm.AesKeyWrapPad, under, wrapped[..length], sealing);
    }

    private static AttributeTemplate Planted(string label, bool cipher) => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.Label, label)
        .Add(Cka.Token, true)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false)
        .Add(Cka.Encrypt, cipher)
        .Add(Cka.Decrypt, cipher)
        .Add(Cka.Wrap, !cipher)
        .Add(Cka.Unwrap, !cipher);

    private static nuint Find(Pkcs11Session session, string label, nuint objectClass) =>
        Assert.Single(session.Find(TokenKeyTemplates.Search(label, objectClass)));
}
