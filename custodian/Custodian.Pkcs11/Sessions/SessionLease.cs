using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// One thread's session, and what is done when an operation in it fails: the session is replaced always, the operation repeated once
/// where the failure has a cure.
/// </summary>
internal sealed class SessionLease(KeyRing ring) : IDisposable
{
    private Pkcs11Session? session;

    /// <exception cref="HsmException">Never of class Ambiguous.</exception>
    public T Run<T>(Func<Pkcs11Session, TokenKeySet, T> operation)
    {
        var keys = ring.Keys;
        try
        {
            return RunOnce(operation, keys);
        }
        catch (HsmException e) when (e.IsTransient)
        {
            ring.Restore(keys, e.Class);
        }
        return RunOnce(operation, ring.Keys);
    }

    /// <summary>Looks for keys that came or went (see <see cref="KeyRing.Refresh"/>).</summary>
    public KeyInventory RefreshKeys(IReadOnlyList<TokenKey>? authorised) => Run((own, _) => ring.Refresh(own, authorised));

    public void Dispose()
    {
        session?.Dispose();
        session = null;
    }

    private T RunOnce<T>(Func<Pkcs11Session, TokenKeySet, T> operation, TokenKeySet keys)
    {
        var succeeded = false;
        try
        {
            session ??= ring.OpenSession();
            var result = operation(session, keys);
            succeeded = !session.Spoilt;
            return result;
        }
        catch (HsmException e) when (e.Class == HsmErrorClass.Ambiguous)
        {
            // Its place is the canary's, which may have no other: tokens limit their sessions.
            Dispose();
            throw ring.Resolve(e);
        }
        finally
        {
            if (!succeeded)
            {
                // An operation may still be active in it, or an object alive: closing ends both.
                Dispose();
            }
        }
    }
}
