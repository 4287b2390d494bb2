using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>Makes the keys of a mode, each with every protection the module takes, and says which it did not.</summary>
internal sealed class KeyMaker(TokenConnection connection)
{
    // From all of the optional protections to none; the first set that the module accepts counts. The unwrap template goes last.
    private static readonly OptionalProtections[] Attempts =
    [
        OptionalProtections.All,
        OptionalProtections.Frozen | OptionalProtections.UnwrapTemplate,
        OptionalProtections.AllowedMechanisms | OptionalProtections.UnwrapTemplate,
        OptionalProtections.UnwrapTemplate,
        OptionalProtections.None,
    ];

    private readonly List<nuint> made = [];

    /// <summary>Makes all that the mode uses or, when one fails, none. A wrap key that nothing uses would only be one to guard.</summary>
    public IReadOnlyList<TokenKeyDescription> MakeAll(EvaluationMode mode)
    {
        var module = WrapAbility.Of(connection, mode);
        try
        {
            return module is null ? [MakeSeal(), MakeAudit()] : [MakeSeal(), MakeWrap(module.Mechanism), MakeAudit()];
        }
        catch
        {
            RemoveAll();
            throw;
        }
    }

    private TokenKeyDescription MakeSeal()
    {
        var taken = Make(static (session, protections) => [session.GenerateAesKey(TokenKeyTemplates.Seal(protections))]);
        KeyPolicy.RequireSeal(connection.Anchor, made[^1]);
        return new(TokenKeyNames.Seal, "AES-256", "encrypt and decrypt", Words(taken | OptionalProtections.UnwrapTemplate));
    }

    private TokenKeyDescription MakeWrap(nuint mechanism)
    {
        var taken = Make(static (session, protections) => [session.GenerateAesKey(TokenKeyTemplates.Wrap(protections))]);
        KeyPolicy.RequireWrap(connection.Anchor, made[^1]);
        if (!UnwrapTemplateHolds(made[^1], mechanism))
        {
            taken &= ~OptionalProtections.UnwrapTemplate;
        }
        return new(TokenKeyNames.Wrap, "AES-256", "wrap and unwrap", Words(taken));
    }

    private TokenKeyDescription MakeAudit()
    {
        var taken = Make(static (session, protections) =>
        {
            var pair = session.GenerateKeyPair(TokenKeyTemplates.AuditPublic(protections), TokenKeyTemplates.AuditPrivate(protections));
            return [pair.Public, pair.Private];
        });
        KeyPolicy.RequireAudit(connection.Anchor, made[^1]);
        return new(TokenKeyNames.Audit, "EC P-256", "sign", Words(taken | OptionalProtections.UnwrapTemplate));
    }

    private OptionalProtections Make(Func<Pkcs11Session, OptionalProtections, nuint[]> make)
    {
        foreach (var protections in Attempts)
        {
            using var session = connection.OpenSession(readWrite: true);
            try
            {
                made.AddRange(make(session, protections));
                return protections;
            }
            catch (HsmException) when (protections != Attempts[^1])
            {
                // Modules refuse an attribute they do not know with no common return value, so any refusal leads to the next set.
            }
        }
        throw new InvalidOperationException("The last attempt returns or throws.");
    }

    // Some modules take the attribute and ignore it (NSS), so what it is for is tried: a thief's unwrap into an extractable key.
    private bool UnwrapTemplateHolds(nuint wrapKey, nuint mechanism)
    {
        Span<byte> wrapped = stackalloc byte[Pkcs11Session.MaxWrappedKeyLength];
        using var session = connection.OpenSession();
        var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
        var length = session.Wrap(mechanism, wrapKey, pair.Private, wrapped);
        try
        {
            session.Unwrap(mechanism, wrapKey, wrapped[..length], RecordKeyTemplates.Unprotected(connection));
            return false;
        }
        catch (HsmException)
        {
            return true;
        }
    }

    private static List<string> Words(OptionalProtections taken)
    {
        var missing = new List<string>();
        AddUnless(OptionalProtections.Frozen, "its attributes can be changed, and it can be copied, by whoever holds the PIN");
        AddUnless(OptionalProtections.UnwrapTemplate, "whoever holds the PIN can unwrap keys as extractable");
        AddUnless(OptionalProtections.AllowedMechanisms, "it is not limited to the mechanisms that the node uses");
        return missing;

        void AddUnless(OptionalProtections protection, string words)
        {
            if (!taken.HasFlag(protection))
            {
                missing.Add(words);
            }
        }
    }

    private void RemoveAll()
    {
        using var session = connection.OpenSession(readWrite: true);
        made.ForEach(session.Discard);
    }
}
