using Custodian.Pkcs11.Binding;

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
            var mechanism = SelfTest.ProvenWrapMechanism(connection);
            var keys = KeyFinder.Find(connection.Anchor, mechanism, RecordKeyTemplates.UnwrappedBy(connection));
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

    /// <summary>Brings back anchor, login and handles, unless another thread did since <paramref name="seen"/> was read.</summary>
    /// <exception cref="HsmException">They do not come back.</exception>
    public void Restore(TokenKeySet seen)
    {
        lock (cure)
        {
            if (!ReferenceEquals(seen, keys))
            {
                return;
            }
            connection.Restore();
            if (seen.HasSealCopy)
            {
                // An operation that uses the copy right now fails there, and is tried again with the keys found below.
                connection.Anchor.Discard(seen.Seal);
            }
            keys = FindAgain(seen);
        }
    }

    /// <summary>
    /// What a failure without a reason meant. If the canary sings, the HSM is well and the input was bad; if not, nothing is.
    /// </summary>
    public HsmException Resolve(HsmException ambiguous)
    {
        try
        {
            using var session = OpenSession();
            SelfTest.Canary(session, keys);
            return new HsmException(HsmErrorClass.Data, ambiguous.ReturnValue, ambiguous.Function, ambiguous.Message, ambiguous);
        }
        catch (HsmException canary)
        {
            return new HsmException(HsmErrorClass.Fatal, canary.ReturnValue, canary.Function, canary.Message, canary);
        }
    }

    public void Dispose() => connection.Dispose();

    // A search that fails half-way stays active in the anchor; in it, every later search would end in OPERATION_ACTIVE.
    private TokenKeySet FindAgain(TokenKeySet seen)
    {
        try
        {
            return KeyFinder.Find(connection.Anchor, seen.WrapMechanism, seen.UnwrapTemplate);
        }
        catch
        {
            connection.ReplaceAnchor();
            throw;
        }
    }
}
