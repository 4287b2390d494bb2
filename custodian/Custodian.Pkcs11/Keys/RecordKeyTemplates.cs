using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// Templates of a record's key k, a session object both times. When made it is extractable, only so that it can be wrapped; when it
/// comes back it is not. It can derive and nothing else.
/// </summary>
internal static class RecordKeyTemplates
{
    public static AttributeTemplate NewPublic { get; } = new AttributeTemplate()
        .Add(Cka.Class, Cko.PublicKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.EcParams, Pkcs11Session.P256)
        .Add(Cka.Token, false)
        .Add(Cka.Private, false)
        .Add(Cka.Verify, false)
        .Add(Cka.Encrypt, false)
        .Add(Cka.Wrap, false);

    public static AttributeTemplate NewPrivate { get; } = Private(extractable: true);

    private static AttributeTemplate Unwrapped { get; } = Private(extractable: false);

    private static AttributeTemplate UnwrappedByNss { get; } = ForNss(Private(extractable: false));

    /// <summary>Every attribute is said: SoftHSM's defaults for an unwrapped key are SENSITIVE=0, DERIVE=0 and UNWRAP=1.</summary>
    public static AttributeTemplate UnwrappedBy(TokenConnection connection) => connection.IsNss ? UnwrappedByNss : Unwrapped;

    /// <summary>What a thief of the PIN would ask for, to try whether the wrap key lets it happen.</summary>
    public static AttributeTemplate Unprotected(TokenConnection connection)
    {
        var template = Private(extractable: true);
        return connection.IsNss ? ForNss(template) : template;
    }

    // NSS wants this attribute, any bytes in it, and no other module takes it.
    private static AttributeTemplate ForNss(AttributeTemplate template) => template.Add(Cka.NssDb, Pkcs11Session.P256);

    private static AttributeTemplate Private(bool extractable) => new AttributeTemplate()
        .Add(Cka.Class, Cko.PrivateKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, extractable)
        .Add(Cka.Derive, true)
        .Add(Cka.Sign, false)
        .Add(Cka.Decrypt, false)
        .Add(Cka.Unwrap, false);
}
