using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Examination;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// Login and keys, for all threads: sessions to open, the keys as they are found now, and the cure when a login or a handle was lost.
/// </summary>
internal sealed class KeyRing : IDisposable
{
    private readonly TokenConnection connection;
    private readonly Lock cure = new();
    private volatile TokenKeySet keys;

    private KeyRing(TokenConnection connection, TokenKeySet keys, byte[] auditPoint)
    {
        this.connection = connection;
        this.keys = keys;
        AuditPoint = auditPoint;
    }

    public TokenKeySet Keys => keys;

    public TokenDescription Token => connection.Token;

    public byte[] AuditPoint { get; }

    /// <summary>Logs in, finds the keys and proves what the module can do.</summary>
    public static KeyRing Open(Pkcs11HsmOptions options)
    {
        var connection = TokenConnection.Open(options);
        try
        {
            RequireRoom(connection, options.Sessions);
            Ability.ProveAll(connection, options.Evaluation);
            var keys = KeyFinder.Find(connection.Anchor, WrapAbility.Of(connection, options.Evaluation));
            SelfTest.Prove(connection, keys);
            return new KeyRing(connection, keys, KeyFinder.AuditPoint(connection.Anchor));
        }
        catch (HsmException e)
        {
            connection.Dispose();
            throw e.OfTheModule();
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public Pkcs11Session OpenSession() => connection.OpenSession();

    /// <summary>
    /// Brings back what was lost, unless another thread did since <paramref name="seen"/> was read: anchor and login where they are
    /// gone, and then the handles. A session that was lost alone is its owner's to replace, and nobody else's handles change for it.
    /// </summary>
    /// <exception cref="HsmException">It does not come back. Never of class Ambiguous or Data: nothing of a caller's is in it.</exception>
    public void Restore(TokenKeySet seen, HsmErrorClass lost)
    {
        lock (cure)
        {
            if (!ReferenceEquals(seen, keys))
            {
                return;
            }
            if (!connection.Restore() && lost == HsmErrorClass.Session)
            {
                return;
            }
            if (seen.HasSealCopy)
            {
                // An operation that uses the copy right now fails there, and is tried again with the keys found below.
                connection.Anchor.Discard(seen.Seal);
            }
            keys = FindAgain(seen);
        }
    }

    /// <summary>
    /// What a failure without a reason meant. If the canary sings, the HSM is well and the input was bad; if not, nothing is. The canary
    /// is of the failure's kind: a seal key that is well says nothing of a wrap key that is not.
    /// </summary>
    /// <returns>Class Data or Fatal; or what keeps the canary from singing, where that has a cure or is the PIN.</returns>
    public HsmException Resolve(HsmException ambiguous)
    {
        try
        {
            using var session = OpenSession();
            if (ambiguous.Function == Pkcs11Session.UnwrapFunction)
            {
                SelfTest.RecordKeyCanary(session, keys);
            }
            else
            {
                SelfTest.Canary(session, keys);
            }
            return new HsmException(HsmErrorClass.Data, ambiguous.ReturnValue, ambiguous.Function, ambiguous.Message, ambiguous);
        }
        catch (HsmException canary)
        {
            return canary.IsTransient || canary.Class == HsmErrorClass.Pin
                ? canary
                : new HsmException(HsmErrorClass.Fatal, canary.ReturnValue, canary.Function, canary.Message, canary);
        }
    }

    public void Dispose() => connection.Dispose();

    // The anchor is one more. Else the last threads of the pool would never get a session, and their operations fail for ever.
    private static void RequireRoom(TokenConnection connection, int sessions)
    {
        if (connection.MaxSessions is { } most && most <= sessions)
        {
            throw new HsmException(
                HsmErrorClass.Fatal,
                0,
                "session limit",
                $"The token allows {most} sessions at once, and {sessions} are to be used and one more; set hsm:sessions to at most {most - 1}.");
        }
    }

    // A search that fails half-way stays active in the anchor; in it, every later search would end in OPERATION_ACTIVE.
    private TokenKeySet FindAgain(TokenKeySet seen)
    {
        try
        {
            return KeyFinder.Find(connection.Anchor, seen.Module);
        }
        catch
        {
            connection.ReplaceAnchor();
            throw;
        }
    }
}
