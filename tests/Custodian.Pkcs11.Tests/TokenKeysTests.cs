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

    [Theory]
    [InlineData("custodian/seal/1", "2 keys custodian/seal/1")]
    [InlineData("custodian/wrap/1", "2 keys custodian/wrap/1")]
    public async Task Open_SecondKeyOfALabel_IsRefused(string label, string expected)
    {
        using var other = new SoftHsmToken();
        await other.CreateKeysAsync();
        using (var connection = TokenConnection.Open(other.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(label == TokenKeyNames.Seal
                ? TokenKeyTemplates.Seal(OptionalProtections.None)
                : TokenKeyTemplates.Wrap(OptionalProtections.None));
        }

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(other.Options(), CancellationToken.None));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
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
