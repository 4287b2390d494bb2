namespace Custodian.Node.Storage;

/// <summary>What went wrong at the database.</summary>
internal enum StorageFault
{
    /// <summary>The database cannot take more: a full disk or a page limit. Reads still work.</summary>
    Full,

    /// <summary>A row does not authenticate: it was edited, swapped or put back. Other accounts are untouched.</summary>
    Tampered,

    /// <summary>As many calls wait for the writer as may; this one was not let in, and nothing of it was done.</summary>
    Busy,

    /// <summary>The database is of a newer schema than this program knows.</summary>
    NewerSchema,

    /// <summary>Any other failure of the database.</summary>
    Unavailable,
}

/// <summary>A failure of the database. Its message may name a path or an SQLite result code, never an account, a key or a share.</summary>
internal sealed class StorageException(StorageFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    internal StorageFault Fault { get; } = fault;

    /// <summary>Whether the same call may succeed later without anybody's help.</summary>
    internal bool IsTransient => Fault is StorageFault.Unavailable or StorageFault.Busy;
}
