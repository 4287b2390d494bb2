using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>Makes the keys of a mode, or one of them in a further version, each with every protection the module takes, and says which it did not.</summary>
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

    private const int IdLength = 16;

    private readonly List<nuint> made = [];

    /// <summary>Makes all that the mode uses or, when one fails, none. A wrap key that nothing uses would only be one to guard.</summary>
    public IReadOnlyList<TokenKeyDescription> MakeAll(EvaluationMode mode)
    {
        var module = WrapAbility.Of(connection, mode);
        try
        {
            return [.. TokenKeyNames.PurposesOf(mode).Select(purpose => Make(purpose, TokenKeyNames.First, module?.Mechanism))];
        }
        catch
        {
            RemoveAll();
            throw;
        }
    }

    /// <summary>
    /// Makes a further version of a key. Nobody uses it before it is authorised; it is taken away again where the policy refuses it, or
    /// the module guards it less than the version before.
    /// </summary>
    /// <param name="mode">Where the node evaluates.</param>
    /// <param name="purpose">Which key.</param>
    /// <param name="version">In which version.</param>
    /// <param name="before">The version before; null where the token has none any more.</param>
    public TokenKeyDescription MakeVersion(EvaluationMode mode, KeyPurpose purpose, uint version, nuint? before)
    {
        var module = WrapAbility.Of(connection, mode);
        try
        {
            var description = Make(purpose, version, module?.Mechanism);
            if (before is { } guarded)
            {
                KeyPolicy.RequireAsGuarded(connection.Anchor, made[^1], guarded, description.Label);
            }
            Prove(description, module);
            return description;
        }
        catch (HsmException e) when (e.Function == KeyPolicy.Check)
        {
            RemoveAll();
            throw;
        }
    }

    // Once it is on the list, the node relies on it.
    private void Prove(TokenKeyDescription description, WrapAbility? module)
    {
        try
        {
            SelfTest.ProveMade(connection, KeyFinder.Find(connection.Anchor, authorised: null, module), description.Key);
        }
        catch (HsmException e)
        {
            throw new HsmException(
                HsmErrorClass.Fatal, e.ReturnValue, KeyPolicy.Check,
                $"The module made the key {description.Label}, which does not work, so it is taken away again and nothing changed: {e.Message}", e);
        }
    }

    private TokenKeyDescription Make(KeyPurpose purpose, uint version, nuint? wrapMechanism) => purpose switch
    {
        KeyPurpose.Seal => MakeSeal(version),
        KeyPurpose.Wrap => MakeWrap(version, wrapMechanism!.Value),
        _ => MakeAudit(version),
    };

    private TokenKeyDescription MakeSeal(uint version)
    {
        var (label, id) = (TokenKeyNames.Of(KeyPurpose.Seal, version), RandomNumberGenerator.GetBytes(IdLength));
        var taken = Make(label, Cko.SecretKey, (session, protections) => [session.GenerateAesKey(TokenKeyTemplates.Seal(protections, version, id))]);
        KeyPolicy.RequireSeal(connection.Anchor, made[^1], label);
        return new(label, "AES-256", "encrypt and decrypt", Words(taken | OptionalProtections.UnwrapTemplate))
        {
            Key = Named(KeyPurpose.Seal, version, made[^1], Cko.SecretKey),
        };
    }

    private TokenKeyDescription MakeWrap(uint version, nuint mechanism)
    {
        var (label, id) = (TokenKeyNames.Of(KeyPurpose.Wrap, version), RandomNumberGenerator.GetBytes(IdLength));
        var taken = Make(label, Cko.SecretKey, (session, protections) => [session.GenerateAesKey(TokenKeyTemplates.Wrap(protections, version, id))]);
        KeyPolicy.RequireWrap(connection.Anchor, made[^1], label);
        if (!UnwrapTemplateHolds(made[^1], mechanism))
        {
            taken &= ~OptionalProtections.UnwrapTemplate;
        }
        return new(label, "AES-256", "wrap and unwrap", Words(taken)) { Key = Named(KeyPurpose.Wrap, version, made[^1], Cko.SecretKey) };
    }

    private TokenKeyDescription MakeAudit(uint version)
    {
        var label = TokenKeyNames.Of(KeyPurpose.Audit, version);
        var taken = Make(label, Cko.PrivateKey, (session, protections) =>
        {
            var pair = session.GenerateKeyPair(
                TokenKeyTemplates.AuditPublic(protections, version), TokenKeyTemplates.AuditPrivate(protections, version));
            return [pair.Public, pair.Private];
        });
        KeyPolicy.RequireAudit(connection.Anchor, made[^1], label);
        return new(label, "EC P-256", "sign", Words(taken | OptionalProtections.UnwrapTemplate))
        {
            Key = Named(KeyPurpose.Audit, version, made[^2], Cko.PublicKey),
        };
    }

    // What has no identity nothing tells from a key that somebody else puts beside it.
    private TokenKey Named(KeyPurpose purpose, uint version, nuint handle, nuint objectClass)
    {
        var identity = FoundKey.IdentityOf(connection.Anchor, handle, objectClass);
        return identity.Length > 0
            ? new TokenKey(purpose, version, identity)
            : throw new HsmException(
                HsmErrorClass.Fatal, 0, KeyPolicy.Check,
                $"The module shows no {(purpose == KeyPurpose.Audit ? "CKA_EC_POINT" : "CKA_ID")} of the key {TokenKeyNames.Of(purpose, version)} that it made, so nothing tells it from another of that label.");
    }

    private OptionalProtections Make(string label, nuint objectClass, Func<Pkcs11Session, OptionalProtections, nuint[]> make)
    {
        foreach (var protections in Attempts)
        {
            using var session = connection.OpenSession(readWrite: true);
            RequireCount(session, label, objectClass, 0);
            try
            {
                made.AddRange(make(session, protections));
                RequireCount(session, label, objectClass, 1);
                return protections;
            }
            catch (HsmException e) when (IsOfTemplate(e) && protections != Attempts[^1])
            {
                // The next set has less in it that a module may not know.
            }
        }
        throw new InvalidOperationException("The last attempt returns or throws.");
    }

    // Whatever else failed may have made the key all the same, such as a network HSM whose answer was lost; a second one, with less to
    // guard it, would be its twin. CKR_ARGUMENTS_BAD and, at NSS, CKR_GENERAL_ERROR are what some say of an attribute that they do not
    // know; that no key came of it is looked up before the next attempt.
    private static bool IsOfTemplate(HsmException failure) => failure.ReturnValue is 0x5 or 0x7 or 0x10 or 0x12 or 0x13 or 0xD0 or 0xD1;

    private static void RequireCount(Pkcs11Session session, string label, nuint objectClass, int count)
    {
        var there = session.Find(TokenKeyTemplates.Search(label, objectClass)).Length;
        if (there != count)
        {
            throw new HsmException(
                HsmErrorClass.Fatal, 0, KeyFinder.Check,
                $"The token has {there} keys {label} where {count} was to be; nothing is under what was just made, and no one uses it; try again.");
        }
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
