using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>
/// What the PIN alone does not give. Its holder can use the keys, and so evaluate without limit on the live token; the keys themselves
/// stay out of reach: a stolen PIN is worth nothing without the HSM.
/// </summary>
public sealed class PinHolderTests : IClassFixture<SoftHsmWithKeys>, IDisposable
{
    private const nuint AesEcb = 0x1081;
    private const nuint AesCbc = 0x1082;

    private readonly TokenConnection connection;
    private readonly Pkcs11Session session;
    private readonly nuint seal;
    private readonly nuint wrap;
    private readonly byte[] wrapped;

    public PinHolderTests(SoftHsmWithKeys token)
    {
        connection = TokenConnection.Open(token.Options());
        session = connection.OpenSession(readWrite: true);
        seal = Assert.Single(session.Find(TokenKeyTemplates.Search(TokenKeyNames.Seal, Cko.SecretKey)));
        wrap = Assert.Single(session.Find(TokenKeyTemplates.Search(TokenKeyNames.Wrap, Cko.SecretKey)));
        wrapped = WrapRecordKey();
    }

    public void Dispose()
    {
        session.Dispose();
        connection.Dispose();
    }

    [Theory]
    [InlineData(0x105, true)]
    [InlineData(0x104, true)]
    [InlineData(0x108, true)]
    [InlineData(0x10C, true)]
    [InlineData(0x162, true)]
    [InlineData(0x103, false)]
    [InlineData(0x170, true)]
    [InlineData(0x171, true)]
    public void SetAttribute_OfTheWrapKey_IsRefused(uint attribute, bool value)
    {
        var before = session.ReadFlag(wrap, attribute);

        Assert.NotEqual(ReturnValue.Ok, PinHolder.Set(session, wrap, attribute, value));
        Assert.Equal(before, session.ReadFlag(wrap, attribute));
        Assert.NotEqual(value, before);
    }

    [Theory]
    [InlineData(0x106)]
    [InlineData(0x107)]
    [InlineData(0x162)]
    public void SetAttribute_OfTheSealKey_IsRefused(uint attribute)
    {
        Assert.NotEqual(ReturnValue.Ok, PinHolder.Set(session, seal, attribute, true));
        Assert.False(session.ReadFlag(seal, attribute));
    }

    [Fact]
    public void Copy_OfTheWrapKey_IsRefused()
    {
        using var plain = new AttributeTemplate().Add(Cka.Token, false);
        using var decrypting = new AttributeTemplate().Add(Cka.Token, false).Add(Cka.Decrypt, true);
        using var extractable = new AttributeTemplate().Add(Cka.Token, false).Add(Cka.Extractable, true);

        Assert.All([plain, decrypting, extractable], template => Assert.NotEqual(ReturnValue.Ok, PinHolder.Copy(session, wrap, template)));
    }

    [Fact]
    public void Copy_OfTheSealKey_IsNeverExtractable()
    {
        using var extractable = new AttributeTemplate().Add(Cka.Token, false).Add(Cka.Extractable, true);
        using var readable = new AttributeTemplate().Add(Cka.Token, false).Add(Cka.Sensitive, false);

        Assert.All([extractable, readable], template => Assert.NotEqual(ReturnValue.Ok, PinHolder.Copy(session, seal, template)));
    }

    [Fact]
    public void Decrypt_WithTheWrapKey_IsRefused()
    {
        Assert.NotEqual(ReturnValue.Ok, PinHolder.StartDecrypting(session, wrap, AesEcb));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.StartDecrypting(session, wrap, AesCbc));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.StartDecrypting(session, wrap, Ckm.AesGcm));
    }

    [Fact]
    public void Decrypt_WithTheSealKeyWithoutAuthentication_IsRefused()
    {
        Assert.NotEqual(ReturnValue.Ok, PinHolder.StartDecrypting(session, seal, AesEcb));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.StartDecrypting(session, seal, AesCbc));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Unwrap_AsReadableOrExtractable_IsRefused(bool sensitive, bool extractable)
    {
        using var template = RecordKeyTemplate().Add(Cka.Sensitive, sensitive).Add(Cka.Extractable, extractable);

        Assert.NotEqual(ReturnValue.Ok, PinHolder.Unwrap(session, Ckm.AesKeyWrapPad, wrap, wrapped, template));
    }

    [Fact]
    public void Unwrap_AsAnAesKeyOrBytes_IsRefused()
    {
        foreach (var type in new[] { Ckk.Aes, Ckk.GenericSecret })
        {
            using var template = new AttributeTemplate()
                .Add(Cka.Class, Cko.SecretKey)
                .Add(Cka.KeyType, type)
                .Add(Cka.Token, false)
                .Add(Cka.Sensitive, false)
                .Add(Cka.Extractable, true);

            Assert.NotEqual(ReturnValue.Ok, PinHolder.Unwrap(session, Ckm.AesKeyWrapPad, wrap, wrapped, template));
        }
    }

    [Fact]
    public void Unwrap_AsTheNodeDoes_GivesAKeyThatNobodyReadsOrWraps()
    {
        var key = session.Unwrap(Ckm.AesKeyWrapPad, wrap, wrapped, RecordKeyTemplates.UnwrappedBy(connection));

        Assert.Equal(-1, session.Read(key, Cka.Value, new byte[64]));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.Set(session, key, Cka.Extractable, true));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.Set(session, key, Cka.Sensitive, false));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.Wrap(session, Ckm.AesKeyWrapPad, wrap, key));
    }

    [Fact]
    public void Wrap_OfTheTokensOwnKeys_IsRefused()
    {
        var audit = Assert.Single(session.Find(TokenKeyTemplates.Search(TokenKeyNames.Audit, Cko.PrivateKey)));

        Assert.All([seal, wrap, audit], key => Assert.NotEqual(ReturnValue.Ok, PinHolder.Wrap(session, Ckm.AesKeyWrapPad, wrap, key)));
    }

    private static AttributeTemplate RecordKeyTemplate() => new AttributeTemplate()
        .Add(Cka.Class, Cko.PrivateKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Derive, true);

    private byte[] WrapRecordKey()
    {
        var buffer = new byte[1024];
        var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
        return buffer[..session.Wrap(Ckm.AesKeyWrapPad, wrap, pair.Private, buffer)];
    }
}
