using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>An object in the token that bears the label of a node's key.</summary>
/// <param name="Purpose">What the label says that it is for.</param>
/// <param name="Version">The version that the label says.</param>
/// <param name="ObjectClass">What it is.</param>
/// <param name="Handle">How to use it.</param>
/// <param name="Identity">In hexadecimal its CKA_ID, or the point of a public key; empty where it has none.</param>
internal sealed record FoundKey(KeyPurpose Purpose, uint Version, nuint ObjectClass, nuint Handle, string Identity)
{
    // A node's label is far shorter, and so is its identity; a longer one is read as none.
    private const int Room = 256;

    private static readonly nuint[] Classes = [Cko.SecretKey, Cko.PrivateKey, Cko.PublicKey];

    public string Label => TokenKeyNames.Of(Purpose, Version);

    /// <summary>All of them, the oldest versions first. A vanished token has none, and reports no error.</summary>
    public static List<FoundKey> AllIn(Pkcs11Session session)
    {
        List<FoundKey> found = [];
        foreach (var objectClass in Classes)
        {
            foreach (var handle in session.FindAll(TokenKeyTemplates.InToken(objectClass)))
            {
                if (TryRead(session, handle, out var purpose, out var version))
                {
                    found.Add(new FoundKey(purpose, version, objectClass, handle, IdentityOf(session, handle, objectClass)));
                }
            }
        }
        return [.. found.OrderBy(key => key.Version).ThenBy(key => key.Purpose).ThenBy(key => key.ObjectClass).ThenBy(key => key.Handle)];
    }

    /// <summary>What tells an object from another of its label.</summary>
    public static string IdentityOf(Pkcs11Session session, nuint handle, nuint objectClass)
    {
        Span<byte> identity = stackalloc byte[Room];
        if (objectClass == Cko.PublicKey)
        {
            return session.TryReadPoint(handle, identity[..Pkcs11Session.PointLength])
                ? Convert.ToHexStringLower(identity[..Pkcs11Session.PointLength])
                : "";
        }
        return Convert.ToHexStringLower(identity[..Math.Max(session.Read(handle, Cka.Id, identity), 0)]);
    }

    private static bool TryRead(Pkcs11Session session, nuint handle, out KeyPurpose purpose, out uint version)
    {
        Span<byte> label = stackalloc byte[Room];
        var length = session.Read(handle, Cka.Label, label);
        return TokenKeyNames.TryParse(label[..Math.Max(length, 0)], out purpose, out version);
    }
}
