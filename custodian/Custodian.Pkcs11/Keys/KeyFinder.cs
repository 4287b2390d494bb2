using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>Finds the node's keys in its token, checks what they are, and makes the working copy of the seal key.</summary>
internal static class KeyFinder
{
    private static readonly AttributeTemplate SessionCopy = new AttributeTemplate().Add(Cka.Token, false);

    /// <param name="session">The anchor: the copy lives as long as the session it is made in.</param>
    /// <param name="module">How it wraps; null where no wrap key is needed, and none is looked for.</param>
    /// <exception cref="HsmException">A key is missing, there twice, or not what it must be.</exception>
    public static TokenKeySet Find(Pkcs11Session session, WrapAbility? module)
    {
        var seal = FindOne(session, TokenKeyNames.Seal, Cko.SecretKey);
        var wrap = module is null ? default(nuint?) : FindOne(session, TokenKeyNames.Wrap, Cko.SecretKey);
        var audit = FindOne(session, TokenKeyNames.Audit, Cko.PrivateKey);
        KeyPolicy.RequireSeal(session, seal);
        if (wrap is { } used)
        {
            KeyPolicy.RequireWrap(session, used);
        }
        KeyPolicy.RequireAudit(session, audit);
        return new TokenKeySet(seal, CopyOf(session, seal), wrap, audit, module);
    }

    /// <summary>The audit key's public point, 65 bytes.</summary>
    public static byte[] AuditPoint(Pkcs11Session session)
    {
        var point = new byte[Pkcs11Session.PointLength];
        session.ReadPoint(FindOne(session, TokenKeyNames.Audit, Cko.PublicKey), point);
        return point;
    }

    /// <summary>Which of the three labels a token has already, under any class of key.</summary>
    public static IReadOnlyList<string> Present(Pkcs11Session session) =>
        [.. TokenKeys.Labels.Where(label => session.Find(new AttributeTemplate().Add(Cka.Label, label)).Length > 0)];

    // What a vanished token looks like, too: it finds nothing and reports no error.
    private static nuint FindOne(Pkcs11Session session, string label, nuint objectClass)
    {
        var found = session.Find(TokenKeyTemplates.Search(label, objectClass));
        return found.Length switch
        {
            1 => found[0],
            0 => throw Missing($"The token has no key {label}."),
            _ => throw Missing($"The token has {found.Length} keys {label}; none is used."),
        };
    }

    // Using a token object makes SoftHSM lock and read its file each time. A copy that a module refuses, or makes weaker, is done without.
    private static nuint CopyOf(Pkcs11Session session, nuint seal)
    {
        var copy = seal;
        try
        {
            copy = session.Copy(seal, SessionCopy);
            KeyPolicy.RequireSealCopy(session, copy);
            return copy;
        }
        catch (HsmException)
        {
            if (copy != seal)
            {
                session.Discard(copy);
            }
            return seal;
        }
    }

    private static HsmException Missing(string message) => new(HsmErrorClass.Fatal, 0, "C_FindObjects", message);
}
