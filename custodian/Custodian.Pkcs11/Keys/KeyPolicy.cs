using System.Runtime.InteropServices;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// What a key must be before the node uses it. Checked at every start, and when anything under the node's labels changes: whoever holds the PIN
/// could have put another key under the label. A key that was put in rather than made there has a past in the clear: someone has its value.
/// </summary>
internal static class KeyPolicy
{
    /// <summary>What a failure of it is called.</summary>
    public const string Check = "key policy";

    private static readonly (nuint Attribute, string Name, bool Value)[] Guarded =
    [
        (Cka.Sensitive, "CKA_SENSITIVE", true),
        (Cka.Extractable, "CKA_EXTRACTABLE", false),
    ];

    // What a module says of a key's past; no caller can set these. A module that shows none is taken at its silence.
    private static readonly (nuint Attribute, string Name)[] Past =
    [
        (Cka.AlwaysSensitive, "CKA_ALWAYS_SENSITIVE"),
        (Cka.NeverExtractable, "CKA_NEVER_EXTRACTABLE"),
    ];

    // What a caller may leave out where a module does not take it; but never where the version before has it.
    private static readonly (nuint Attribute, string Name)[] Frozen = [(Cka.Modifiable, "CKA_MODIFIABLE"), (Cka.Copyable, "CKA_COPYABLE")];

    /// <summary>A key that the node is to use is what its purpose wants.</summary>
    public static void Require(Pkcs11Session session, FoundKey key)
    {
        switch (key.Purpose)
        {
            case KeyPurpose.Seal:
                RequireSeal(session, key.Handle, key.Label);
                break;
            case KeyPurpose.Wrap:
                RequireWrap(session, key.Handle, key.Label);
                break;
            default:
                RequireAudit(session, key.Handle, key.Label);
                break;
        }
    }

    /// <summary>What the version before refuses the holder of a PIN, this one refuses, too.</summary>
    public static void RequireAsGuarded(Pkcs11Session session, nuint key, nuint before, string label)
    {
        foreach (var (attribute, name) in Frozen)
        {
            if (session.ReadFlag(before, attribute) == false && session.ReadFlag(key, attribute) != false)
            {
                throw Refused(label, name, isOn: true);
            }
        }
        if (session.LengthOf(before, Cka.UnwrapTemplate) > session.LengthOf(key, Cka.UnwrapTemplate))
        {
            throw Refused(label, "CKA_UNWRAP_TEMPLATE", isOn: false);
        }
    }

    public static void RequireSeal(Pkcs11Session session, nuint key, string label)
    {
        RequireMadeInside(session, key, label);
        RequireAes256(session, key, label);
        Require(session, key, label, Uses(cipher: true));
    }

    /// <summary>A session copy of the seal key. Its past is the seal key's, which NSS does not pass on to copies.</summary>
    public static void RequireSealCopy(Pkcs11Session session, nuint key, string label) =>
        Require(session, key, label, Uses(cipher: true));

    public static void RequireWrap(Pkcs11Session session, nuint key, string label)
    {
        RequireMadeInside(session, key, label);
        RequireAes256(session, key, label);
        Require(session, key, label, Uses(cipher: false));
    }

    public static void RequireAudit(Pkcs11Session session, nuint key, string label)
    {
        RequireMadeInside(session, key, label);
        RequireNumber(session, key, label, Cka.KeyType, "CKA_KEY_TYPE", Ckk.Ec);
        RequireP256(session, key, label);
        Require(session, key, label, [(Cka.AlwaysAuthenticate, "CKA_ALWAYS_AUTHENTICATE", false), (Cka.Sign, "CKA_SIGN", true), (Cka.Derive, "CKA_DERIVE", false)]);
    }

    private static (nuint Attribute, string Name, bool Value)[] Uses(bool cipher) =>
    [
        (Cka.Encrypt, "CKA_ENCRYPT", cipher),
        (Cka.Decrypt, "CKA_DECRYPT", cipher),
        (Cka.Wrap, "CKA_WRAP", !cipher),
        (Cka.Unwrap, "CKA_UNWRAP", !cipher),
    ];

    private static void RequireAes256(Pkcs11Session session, nuint key, string label)
    {
        RequireNumber(session, key, label, Cka.KeyType, "CKA_KEY_TYPE", Ckk.Aes);
        RequireNumber(session, key, label, Cka.ValueLength, "CKA_VALUE_LEN", TokenKeyTemplates.KeyBytes);
    }

    // What a module does not show of a key's kind, using the key tells.
    private static void RequireNumber(Pkcs11Session session, nuint key, string label, nuint attribute, string name, nuint value)
    {
        Span<byte> shown = stackalloc byte[nuint.Size];
        if (session.Read(key, attribute, shown) == shown.Length && MemoryMarshal.Read<nuint>(shown) != value)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, Check, $"The key {label} has {name} {MemoryMarshal.Read<nuint>(shown)} instead of {value}; it is not used.");
        }
    }

    private static void RequireP256(Pkcs11Session session, nuint key, string label)
    {
        Span<byte> curve = stackalloc byte[256];
        if (session.Read(key, Cka.EcParams, curve) is > 0 and var length && !curve[..length].SequenceEqual(Pkcs11Session.P256))
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, Check, $"The key {label} has CKA_EC_PARAMS of another curve than P-256; it is not used.");
        }
    }

    private static void RequireMadeInside(Pkcs11Session session, nuint key, string label)
    {
        // One that is not private anybody makes, and uses, who reaches the token, without a PIN.
        if (session.ReadFlag(key, Cka.Private) != true)
        {
            throw Refused(label, "CKA_PRIVATE", isOn: false);
        }
        if (session.ReadFlag(key, Cka.Local) == false && ModuleMarksItsOwn(session))
        {
            throw Refused(label, "CKA_LOCAL", isOn: false);
        }
        foreach (var (attribute, name) in Past)
        {
            if (session.ReadFlag(key, attribute) == false)
            {
                throw Refused(label, name, isOn: false);
            }
        }
    }

    // NSS shows CKA_LOCAL as off for the keys that it makes, too, so off says something only where a new key has it on.
    private static bool ModuleMarksItsOwn(Pkcs11Session session)
    {
        var fresh = session.GenerateAesKey(TokenKeyTemplates.Throwaway);
        try
        {
            return session.ReadFlag(fresh, Cka.Local) == true;
        }
        finally
        {
            session.Discard(fresh);
        }
    }

    private static void Require(Pkcs11Session session, nuint key, string label, (nuint Attribute, string Name, bool Value)[] uses)
    {
        foreach (var (attribute, name, value) in Guarded.Concat(uses))
        {
            // An attribute that the module does not show counts as off.
            if ((session.ReadFlag(key, attribute) ?? false) != value)
            {
                throw Refused(label, name, isOn: !value);
            }
        }
    }

    private static HsmException Refused(string label, string name, bool isOn) =>
        new(HsmErrorClass.Fatal, 0, Check, $"The key {label} has {name} {(isOn ? "on" : "off")}; it is not used.");
}
