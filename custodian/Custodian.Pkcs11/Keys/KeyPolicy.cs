using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// What a key must be before the node uses it. Checked at every start: whoever holds the PIN could have put another key under the
/// label. A key that was put in rather than made there has a past in the clear: someone has its value.
/// </summary>
internal static class KeyPolicy
{
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

    public static void RequireSeal(Pkcs11Session session, nuint key)
    {
        RequireMadeInside(session, key, TokenKeyNames.Seal);
        Require(session, key, TokenKeyNames.Seal, Uses(cipher: true));
    }

    /// <summary>A session copy of the seal key. Its past is the seal key's, which NSS does not pass on to copies.</summary>
    public static void RequireSealCopy(Pkcs11Session session, nuint key) =>
        Require(session, key, TokenKeyNames.Seal, Uses(cipher: true));

    public static void RequireWrap(Pkcs11Session session, nuint key)
    {
        RequireMadeInside(session, key, TokenKeyNames.Wrap);
        Require(session, key, TokenKeyNames.Wrap, Uses(cipher: false));
    }

    public static void RequireAudit(Pkcs11Session session, nuint key)
    {
        RequireMadeInside(session, key, TokenKeyNames.Audit);
        Require(session, key, TokenKeyNames.Audit, [(Cka.Sign, "CKA_SIGN", true), (Cka.Derive, "CKA_DERIVE", false)]);
    }

    private static (nuint Attribute, string Name, bool Value)[] Uses(bool cipher) =>
    [
        (Cka.Encrypt, "CKA_ENCRYPT", cipher),
        (Cka.Decrypt, "CKA_DECRYPT", cipher),
        (Cka.Wrap, "CKA_WRAP", !cipher),
        (Cka.Unwrap, "CKA_UNWRAP", !cipher),
    ];

    private static void RequireMadeInside(Pkcs11Session session, nuint key, string label)
    {
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
        new(HsmErrorClass.Fatal, 0, "key policy", $"The key {label} has {name} {(isOn ? "on" : "off")}; it is not used.");
}
