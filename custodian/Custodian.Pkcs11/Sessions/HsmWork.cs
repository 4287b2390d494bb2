using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sessions;

/// <summary>One thing to do in a session, waiting in the pool's queue.</summary>
internal interface IHsmWork
{
    /// <summary>Does it and completes whoever waits; throws nothing.</summary>
    void Execute(SessionLease lease);
}

/// <summary>A function of a session and the keys; may run twice, when a lost session, login or handle was cured in between.</summary>
internal sealed class HsmWork<T>(Func<Pkcs11Session, TokenKeySet, T> operation)
    : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously), IHsmWork
{
    public void Execute(SessionLease lease)
    {
        try
        {
            SetResult(lease.Run(operation));
        }
        catch (Exception e)
        {
            SetException(e);
        }
    }
}
