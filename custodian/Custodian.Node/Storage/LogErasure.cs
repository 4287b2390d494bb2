using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Custodian.Node.Storage;

/// <summary>
/// Truncates the write-ahead log after key material was destroyed (protocol.md section 11), and answers the calls that destroyed it only
/// then. On the writer's connection and thread.
/// </summary>
/// <remarks>
/// A reader, such as a backup, keeps the log from being truncated while it reads; other calls go on meanwhile, each batch a little later
/// for the attempt before it. A crash between the commit and the truncation leaves the records destroyed for every rule and their former
/// pages in the log; the next start truncates it before it serves.
/// </remarks>
internal sealed class LogErasure(
    SqliteConnection connection, SqliteStoreOptions options, StoreMetrics metrics, ILogger logger) : IDisposable
{
    /// <summary>How long a truncation waits for who reads.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(20);

    private readonly Statement _truncate = new(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    private readonly List<WriteCall> _callers = [];
    private bool _pending;
    private bool _saidSo;

    /// <summary>Whether calls wait for the erasure.</summary>
    internal bool HasCallers => _callers.Count > 0;

    /// <summary>Takes over the calls of a batch that destroyed key material.</summary>
    internal void Begin(IReadOnlyList<WriteCall> callers)
    {
        _callers.AddRange(callers);
        _pending = true;
    }

    /// <summary>Tries to truncate the log if that is due, and answers who waits for it.</summary>
    internal void TryFinish()
    {
        if (!_pending)
        {
            return;
        }

        try
        {
            SqliteConnections.SetBusyTimeout(connection, HasCallers ? Patience : TimeSpan.Zero);
            End(Truncate());
        }
        catch (SqliteException failure)
        {
            // The records are destroyed for every rule; a resend of the call says so, whatever the disk does meanwhile.
            StorageLog.ErasureFailed(logger, failure);
            FailCallers(SqliteFaults.Translate(failure, options.Path));
        }
        finally
        {
            SqliteConnections.SetBusyTimeout(connection, options.BusyTimeout);
        }
    }

    /// <summary>Answers who still waits, when the store ends.</summary>
    internal void GiveUp() => FailCallers(new StorageException(
        StorageFault.Unavailable, "the store ended before destroyed key material was erased from its log; the next start erases it"));

    /// <inheritdoc/>
    public void Dispose() => _truncate.Dispose();

    private bool Truncate()
    {
        using Statement.Rows reader = _truncate.Query();
        return reader.Read() && reader.Number(0) == raw.SQLITE_OK;
    }

    private void End(bool truncated)
    {
        if (!truncated)
        {
            if (HasCallers && !_saidSo)
            {
                StorageLog.ErasureWaits(logger);
            }

            _saidSo |= HasCallers;
            return;
        }

        (_pending, _saidSo) = (false, false);
        metrics.Erased();
        _callers.ForEach(c => c.Complete());
        _callers.Clear();
    }

    private void FailCallers(StorageException failure)
    {
        _callers.ForEach(c => c.Fail(failure));
        _callers.Clear();
    }
}
