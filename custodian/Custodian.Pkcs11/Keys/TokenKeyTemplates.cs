using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>Protections that not every module takes; what a module refuses is left out, and reported.</summary>
[Flags]
internal enum OptionalProtections
{
    None = 0,
    AllowedMechanisms = 1,
    Frozen = 2,
    UnwrapTemplate = 4,
    All = AllowedMechanisms | Frozen | UnwrapTemplate,
}

/// <summary>Templates of the node's three keys, of any version: in the token, private, sensitive, never extractable, one use each.</summary>
internal static class TokenKeyTemplates
{
    public const nuint KeyBytes = 32;

    /// <summary>A session key that is looked at and destroyed.</summary>
    public static AttributeTemplate Throwaway { get; } = new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.ValueLength, KeyBytes)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false);

    /// <summary>Encrypt and decrypt only. Copyable: the session copy is three times faster, and a copy can do no more.</summary>
    public static AttributeTemplate Seal(OptionalProtections protections, uint version = TokenKeyNames.First, byte[]? id = null)
    {
        var template = Aes(TokenKeyNames.Of(KeyPurpose.Seal, version), id, cipher: true);
        AddAllowed(template, protections, [Ckm.AesGcm]);
        return AddModifiable(template, protections);
    }

    /// <summary>
    /// Wrap and unwrap only. Frozen, because a PIN holder could otherwise switch decryption on and peel wrapped keys; and what it
    /// unwraps is sensitive and not extractable, whatever the caller's template says.
    /// </summary>
    public static AttributeTemplate Wrap(OptionalProtections protections, uint version = TokenKeyNames.First, byte[]? id = null)
    {
        var template = Aes(TokenKeyNames.Of(KeyPurpose.Wrap, version), id, cipher: false);
        AddAllowed(template, protections, [Ckm.AesKeyWrapPad, Ckm.AesKeyWrapKwp]);
        if (protections.HasFlag(OptionalProtections.UnwrapTemplate))
        {
            template.Add(Cka.UnwrapTemplate, new AttributeTemplate().Add(Cka.Sensitive, true).Add(Cka.Extractable, false));
        }
        if (protections.HasFlag(OptionalProtections.Frozen))
        {
            template.Add(Cka.Copyable, false);
        }
        return AddModifiable(template, protections);
    }

    /// <summary>Sign only.</summary>
    public static AttributeTemplate AuditPrivate(OptionalProtections protections, uint version = TokenKeyNames.First)
    {
        var label = TokenKeyNames.Of(KeyPurpose.Audit, version);
        var template = new AttributeTemplate()
            .Add(Cka.Class, Cko.PrivateKey)
            .Add(Cka.KeyType, Ckk.Ec)
            .Add(Cka.Label, label)
            .Add(Cka.Id, label)
            .Add(Cka.Token, true)
            .Add(Cka.Private, true)
            .Add(Cka.Sensitive, true)
            .Add(Cka.Extractable, false)
            .Add(Cka.Sign, true)
            .Add(Cka.Decrypt, false)
            .Add(Cka.Unwrap, false)
            .Add(Cka.Derive, false);
        AddAllowed(template, protections, [Ckm.Ecdsa]);
        return AddModifiable(template, protections);
    }

    /// <summary>The public half, readable without login.</summary>
    public static AttributeTemplate AuditPublic(OptionalProtections protections, uint version = TokenKeyNames.First)
    {
        var label = TokenKeyNames.Of(KeyPurpose.Audit, version);
        var template = new AttributeTemplate()
            .Add(Cka.Class, Cko.PublicKey)
            .Add(Cka.KeyType, Ckk.Ec)
            .Add(Cka.Label, label)
            .Add(Cka.Id, label)
            .Add(Cka.EcParams, Pkcs11Session.P256)
            .Add(Cka.Token, true)
            .Add(Cka.Private, false)
            .Add(Cka.Verify, true)
            .Add(Cka.Encrypt, false)
            .Add(Cka.Wrap, false);
        return AddModifiable(template, protections);
    }

    /// <summary>Finds a key by what it is called and what it is.</summary>
    public static AttributeTemplate Search(string label, nuint objectClass) => new AttributeTemplate()
        .Add(Cka.Class, objectClass)
        .Add(Cka.Label, label)
        .Add(Cka.Token, true);

    /// <summary>Finds all that is of a class in the token.</summary>
    public static AttributeTemplate InToken(nuint objectClass) => new AttributeTemplate()
        .Add(Cka.Class, objectClass)
        .Add(Cka.Token, true);

    private static AttributeTemplate Aes(string label, byte[]? id, bool cipher)
    {
        var template = Aes(label, cipher);
        return id is null ? template : template.Add(Cka.Id, id);
    }

    private static AttributeTemplate Aes(string label, bool cipher) => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.ValueLength, KeyBytes)
        .Add(Cka.Label, label)
        .Add(Cka.Token, true)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false)
        .Add(Cka.Encrypt, cipher)
        .Add(Cka.Decrypt, cipher)
        .Add(Cka.Wrap, !cipher)
        .Add(Cka.Unwrap, !cipher)
        .Add(Cka.Sign, false)
        .Add(Cka.Verify, false)
        .Add(Cka.Derive, false);

    private static void AddAllowed(AttributeTemplate template, OptionalProtections protections, ReadOnlySpan<nuint> mechanisms)
    {
        if (protections.HasFlag(OptionalProtections.AllowedMechanisms))
        {
            template.Add(Cka.AllowedMechanisms, mechanisms);
        }
    }

    private static AttributeTemplate AddModifiable(AttributeTemplate template, OptionalProtections protections) =>
        protections.HasFlag(OptionalProtections.Frozen) ? template.Add(Cka.Modifiable, false) : template;
}
