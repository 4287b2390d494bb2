using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// A record's OPRF key k_i (protocol.md section 6) in the HSM: made, used once and wrapped, or unwrapped and used once. No object of
/// it outlives the call; should destroying fail, the session is closed, which destroys it too. At a node that evaluates in memory the key
/// is a <see cref="MemoryKey"/>, and stands itself where the wrapping would.
/// </summary>
internal static class RecordKey
{
    /// <summary>
    /// Makes a key k, under a wrap key, and writes x(k * point), its public point k * G and its wrapping, which the caller zeroes: where
    /// there is no wrap key it is k itself.
    /// </summary>
    /// <returns>The wrapped key's length.</returns>
    public static int Make(
        Pkcs11Session session,
        WrapAbility? module,
        FitKey? wrapKey,
        ReadOnlySpan<byte> point,
        Span<byte> evaluated,
        Span<byte> publicPoint,
        Span<byte> wrapped)
    {
        if (module is null)
        {
            return MemoryKey.Make(session, point, evaluated, publicPoint, wrapped);
        }
        var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
        try
        {
            session.ReadPoint(pair.Public, publicPoint);
            session.DeriveX(pair.Private, point, evaluated);
            return session.Wrap(module.Mechanism, wrapKey!.Handle, pair.Private, wrapped);
        }
        finally
        {
            session.Discard(pair.Private);
            session.Discard(pair.Public);
        }
    }

    /// <summary>Unwraps a key k and writes x(k * point).</summary>
    public static void Evaluate(
        Pkcs11Session session,
        WrapAbility? module,
        FitKey? wrapKey,
        ReadOnlySpan<byte> wrapped,
        ReadOnlySpan<byte> point,
        Span<byte> evaluated)
    {
        if (module is null)
        {
            MemoryKey.Evaluate(wrapped, point, evaluated);
            return;
        }
        var key = session.Unwrap(module.Mechanism, wrapKey!.Handle, wrapped, module.UnwrapTemplate);
        try
        {
            session.DeriveX(key, point, evaluated);
        }
        finally
        {
            session.Discard(key);
        }
    }
}
