using Custodian.Node.Storage;

namespace Custodian.Node.Api.Health;

/// <summary>
/// Makes the node unready when a call meets a database that takes no writes: full, read-only or held by another process. Whoever
/// then tries the database makes it ready again. Thread-safe.
/// </summary>
internal sealed class StorageWatch(Readiness readiness, ILogger<StorageWatch> logger)
{
    /// <summary>Notes how the database failed a call. A row that does not authenticate is one account's matter, and changes nothing.</summary>
    internal void Saw(StorageException failure)
    {
        if (failure.Fault is not (StorageFault.Full or StorageFault.Unavailable)
            || readiness.Current.Faults.ContainsKey(ReadinessPart.Storage))
        {
            return;
        }

        // Anyone may read this; the path is for the log alone.
        readiness.Fails(ReadinessPart.Storage, failure.Fault == StorageFault.Full ? "the database is full" : "the database takes no writes");
        ApiLog.StorageUnready(logger, failure.Fault, failure.Message);
    }
}
