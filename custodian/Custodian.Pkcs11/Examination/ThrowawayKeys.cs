using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>
/// Keys for trials: session objects that protect nothing and go with the session that they were made in. Here, a wrap key and a record
/// key under it.
/// </summary>
internal sealed class ThrowawayKeys
{
    private const nuint AesKeyBytes = 32;

    private readonly nuint mechanism;
    private readonly byte[] wrapped;
    private readonly AttributeTemplate unwrapTemplate;

    private ThrowawayKeys(nuint mechanism, nuint wrap, byte[] wrapped, AttributeTemplate unwrapTemplate) =>
        (this.mechanism, Wrap, this.wrapped, this.unwrapTemplate) = (mechanism, wrap, wrapped, unwrapTemplate);

    /// <summary>As the seal key, but of the session.</summary>
    public static AttributeTemplate Cipher { get; } = Aes().Add(Cka.Encrypt, true).Add(Cka.Decrypt, true);

    /// <summary>As the audit key, but of the session.</summary>
    public static AttributeTemplate Signing { get; } = new AttributeTemplate()
        .Add(Cka.Class, Cko.PrivateKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false)
        .Add(Cka.Sign, true);

    /// <summary>The public half of that.</summary>
    public static AttributeTemplate Verifying { get; } = new AttributeTemplate()
        .Add(Cka.Class, Cko.PublicKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.EcParams, Pkcs11Session.P256)
        .Add(Cka.Token, false)
        .Add(Cka.Private, false)
        .Add(Cka.Verify, true);

    public nuint Wrap { get; }

    /// <summary>A wrap key of the session; filled further by whoever tries what else a module takes.</summary>
    public static AttributeTemplate WrapTemplate() => Aes().Add(Cka.Wrap, true).Add(Cka.Unwrap, true);

    /// <summary>Makes both keys, and writes the record key's public point.</summary>
    public static ThrowawayKeys Make(TokenConnection connection, Pkcs11Session session, nuint mechanism, Span<byte> point)
    {
        using var template = WrapTemplate();
        return Make(connection, session, mechanism, template, point);
    }

    /// <summary>The same, under a wrap key of another template.</summary>
    public static ThrowawayKeys Make(
        TokenConnection connection, Pkcs11Session session, nuint mechanism, AttributeTemplate wrapTemplate, Span<byte> point)
    {
        Span<byte> room = stackalloc byte[Pkcs11Session.MaxWrappedKeyLength];
        var wrap = session.GenerateAesKey(wrapTemplate);
        var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
        session.ReadPoint(pair.Public, point);
        var length = session.Wrap(mechanism, wrap, pair.Private, room);
        return new ThrowawayKeys(mechanism, wrap, room[..length].ToArray(), RecordKeyTemplates.UnwrappedBy(connection));
    }

    /// <summary>Unwraps the record key as a node does; the caller destroys it, or lets it go with the session.</summary>
    public nuint Unwrap(Pkcs11Session session) => Unwrap(session, unwrapTemplate);

    /// <summary>Unwraps the record key under another template.</summary>
    public nuint Unwrap(Pkcs11Session session, AttributeTemplate template) => session.Unwrap(mechanism, Wrap, wrapped, template);

    private static AttributeTemplate Aes() => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.ValueLength, AesKeyBytes)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false);
}
