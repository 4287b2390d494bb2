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
    /// <param name="session">Where.</param>
    /// <param name="module">How; null where the key is evaluated in memory.</param>
    /// <param name="wrapKeys">What it may be under, at least one; none in memory.</param>
    /// <param name="wrapped">The wrapping, or in memory the key.</param>
    /// <param name="point">The point.</param>
    /// <param name="evaluated">Takes the x-coordinate.</param>
    public static void Evaluate(
        Pkcs11Session session,
        WrapAbility? module,
        List<FitKey> wrapKeys,
        ReadOnlySpan<byte> wrapped,
        ReadOnlySpan<byte> point,
        Span<byte> evaluated)
    {
        if (module is null)
        {
            MemoryKey.Evaluate(wrapped, point, evaluated);
            return;
        }
        var key = Unwrap(session, module, wrapKeys, wrapped);
        try
        {
            session.DeriveX(key, point, evaluated);
        }
        finally
        {
            session.Discard(key);
        }
    }

    /// <summary>Unwraps a key k and lets go of it: that a wrap key of its version was there a while ago says nothing of now.</summary>
    /// <exception cref="HsmException">None of these unwraps it.</exception>
    public static void RequireUnwraps(Pkcs11Session session, WrapAbility module, List<FitKey> wrapKeys, ReadOnlySpan<byte> wrapped) =>
        session.Discard(Unwrap(session, module, wrapKeys, wrapped));

    // Two of a version nobody tells apart but by trying: the wrapping is authenticated.
    private static nuint Unwrap(Pkcs11Session session, WrapAbility module, List<FitKey> wrapKeys, ReadOnlySpan<byte> wrapped)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                return session.Unwrap(module.Mechanism, wrapKeys[i].Handle, wrapped, module.UnwrapTemplate);
            }
            catch (HsmException e) when (i < wrapKeys.Count - 1 && TokenKeySet.MayBeOfAnother(e))
            {
                // The next one may be it.
            }
        }
    }
}
