using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>
/// A restraint that the node lays on its keys, and whether the module holds to it against somebody who has the PIN. A module that does
/// not still serves: then the PIN guards what the HSM could have guarded.
/// </summary>
/// <param name="Words">What it is.</param>
/// <param name="Otherwise">What somebody with the PIN can do where it does not hold.</param>
/// <param name="Holds">Tries to get past it; false when that succeeds. Throws when the module does not take it.</param>
internal sealed record Protection(string Words, string Otherwise, Func<TokenConnection, Pkcs11Session, nuint, bool> Holds)
{
    /// <summary>Whether it guards wrapped keys alone, of which a node that evaluates in memory has none.</summary>
    public bool IsOfWrappedKeys { get; private init; }

    public static IReadOnlyList<Protection> All { get; } =
    [
        new("keys that nobody reads (CKA_SENSITIVE)", "whoever holds the PIN can read keys", static (_, session, _) => IsUnreadable(session)),
        new(
            "keys that nobody wraps (CKA_EXTRACTABLE off)",
            "whoever holds the PIN can wrap keys under one of theirs",
            static (connection, session, mechanism) => IsUnwrappable(connection, session, mechanism)),
        new(
            "keys that come back protected (CKA_UNWRAP_TEMPLATE)",
            "whoever holds the PIN can unwrap a record's key as one to read",
            static (connection, session, mechanism) => UnwrapsProtected(connection, session, mechanism))
        {
            IsOfWrappedKeys = true,
        },
        new(
            "keys whose uses stay (CKA_MODIFIABLE off)",
            "whoever holds the PIN can turn on further uses of a key",
            static (_, session, _) => IsUnmodifiable(session)),
        new(
            "keys that nobody copies (CKA_COPYABLE off)",
            "whoever holds the PIN can copy a key, and change the copy",
            static (_, session, _) => IsUncopyable(session)),
    ];

    /// <summary>Whether a node of a mode lays it on a key.</summary>
    public bool IsOf(EvaluationMode mode) => mode == EvaluationMode.Hsm || !IsOfWrappedKeys;

    private static bool IsUnreadable(Pkcs11Session session)
    {
        Span<byte> value = stackalloc byte[64];
        return session.Read(session.GenerateAesKey(TokenKeyTemplates.Throwaway), Cka.Value, value) == -1;
    }

    private static bool IsUnwrappable(TokenConnection connection, Pkcs11Session session, nuint mechanism)
    {
        var point = new byte[Pkcs11Session.PointLength];
        var room = new byte[Pkcs11Session.MaxWrappedKeyLength];
        var keys = ThrowawayKeys.Make(connection, session, mechanism, point);
        return Refuses(() => session.Wrap(mechanism, keys.Wrap, keys.Unwrap(session), room));
    }

    private static bool UnwrapsProtected(TokenConnection connection, Pkcs11Session session, nuint mechanism)
    {
        var point = new byte[Pkcs11Session.PointLength];
        using var restrained = ThrowawayKeys.WrapTemplate()
            .Add(Cka.UnwrapTemplate, new AttributeTemplate().Add(Cka.Sensitive, true).Add(Cka.Extractable, false));
        var keys = ThrowawayKeys.Make(connection, session, mechanism, restrained, point);
        keys.Unwrap(session);
        return Refuses(() => keys.Unwrap(session, RecordKeyTemplates.Unprotected(connection)));
    }

    private static bool IsUnmodifiable(Pkcs11Session session)
    {
        using var frozen = ThrowawayKeys.WrapTemplate().Add(Cka.Modifiable, false);
        using var further = new AttributeTemplate().Add(Cka.Decrypt, true);
        return !session.TrySet(session.GenerateAesKey(frozen), further);
    }

    private static bool IsUncopyable(Pkcs11Session session)
    {
        using var single = ThrowawayKeys.WrapTemplate().Add(Cka.Copyable, false);
        using var copy = new AttributeTemplate().Add(Cka.Token, false);
        var key = session.GenerateAesKey(single);
        return Refuses(() => session.Copy(key, copy));
    }

    private static bool Refuses(Func<object> attempt)
    {
        try
        {
            attempt();
            return false;
        }
        catch (HsmException)
        {
            return true;
        }
    }
}
