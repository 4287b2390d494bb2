using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// What a key must be before the node uses it. Checked at every start: whoever holds the PIN could have put another key under the
/// label.
/// </summary>
internal static class KeyPolicy
{
    private static readonly (nuint Attribute, string Name, bool Value)[] Guarded =
    [
        (Cka.Sensitive, "CKA_SENSITIVE", true),
        (Cka.Extractable, "CKA_EXTRACTABLE", false),
    ];

    public static void RequireSeal(Pkcs11Session session, nuint key) => Require(session, key, TokenKeyNames.Seal, Uses(cipher: true));

    public static void RequireWrap(Pkcs11Session session, nuint key) => Require(session, key, TokenKeyNames.Wrap, Uses(cipher: false));

    public static void RequireAudit(Pkcs11Session session, nuint key) => Require(
        session, key, TokenKeyNames.Audit, [(Cka.Sign, "CKA_SIGN", true), (Cka.Derive, "CKA_DERIVE", false)]);

    private static (nuint Attribute, string Name, bool Value)[] Uses(bool cipher) =>
    [
        (Cka.Encrypt, "CKA_ENCRYPT", cipher),
        (Cka.Decrypt, "CKA_DECRYPT", cipher),
        (Cka.Wrap, "CKA_WRAP", !cipher),
        (Cka.Unwrap, "CKA_UNWRAP", !cipher),
    ];

    private static void Require(Pkcs11Session session, nuint key, string label, (nuint Attribute, string Name, bool Value)[] uses)
    {
        foreach (var (attribute, name, value) in Guarded.Concat(uses))
        {
            // An attribute that the module does not show counts as off.
            if ((session.ReadFlag(key, attribute) ?? false) != value)
            {
                throw new HsmException(
                    HsmErrorClass.Fatal, 0, "key policy", $"The key {label} has {name} {(value ? "off" : "on")}; it is not used.");
            }
        }
    }
}
