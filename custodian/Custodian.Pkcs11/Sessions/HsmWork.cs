namespace Custodian.Pkcs11.Sessions;

/// <summary>One thing to do in a session, waiting in the pool's queue.</summary>
internal interface IHsmWork
{
    /// <summary>Does it and sees to whoever waits. What it throws ends the process: the node then knows that nothing was answered.</summary>
    void Execute(SessionLease lease);
}

/// <summary>An operation whose caller waits for its result.</summary>
internal sealed class HsmWork<T>(HsmOperation<T> operation)
    : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously), IHsmWork
{
    public void Execute(SessionLease lease)
    {
        try
        {
            SetResult(operation(lease));
        }
        catch (Exception e)
        {
            SetException(e);
        }
    }
}
