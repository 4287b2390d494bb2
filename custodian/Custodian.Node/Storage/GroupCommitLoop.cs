using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Custodian.Node.Storage;

/// <summary>
/// The writer's thread: takes what waits, up to a batch, into one transaction, and answers after its commit. While one batch is being
/// committed the next one gathers, so that many callers share an fsync and a lone one waits for nobody.
/// </summary>
internal sealed class GroupCommitLoop : IAsyncDisposable
{
    private readonly Channel<WriteCall> _waiting;
    private readonly BatchTransaction _transaction;
    private readonly LogErasure _erasure;
    private readonly StoreMetrics _metrics;
    private readonly ILogger _logger;
    private readonly int _batchSize;
    private volatile bool _closed;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<StorageException> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal GroupCommitLoop(
        SqliteStoreOptions options, BatchTransaction transaction, LogErasure erasure, StoreMetrics metrics, ILogger logger)
    {
        _waiting = Channel.CreateBounded<WriteCall>(new BoundedChannelOptions(options.QueueLength)
        {
            SingleReader = true,

            // The reader is a thread that blocks: it is woken by the caller itself, not by way of another thread.
            AllowSynchronousContinuations = true,
        });
        (_transaction, _erasure, _metrics, _logger) = (transaction, erasure, metrics, logger);
        _batchSize = options.BatchSize;
        new Thread(Run) { IsBackground = true, Name = "custodian store" }.Start();
    }

    /// <summary>Ends, with what happened, when the store can no longer be trusted to write. It never recovers by itself.</summary>
    internal Task<StorageException> Failed => _failed.Task;

    /// <summary>Lets the call wait for the writer, if there is room for it now.</summary>
    /// <exception cref="StorageException">There is none (<see cref="StorageFault.Busy"/>), or the store has failed.</exception>
    internal void Enqueue(WriteCall call)
    {
        if (!_waiting.Writer.TryWrite(call))
        {
            throw _closed || _failed.Task.IsCompletedSuccessfully
                ? Ended()
                : new StorageException(StorageFault.Busy, "as many calls wait for the database as may");
        }
    }

    /// <summary>Lets the call wait for the writer as soon as there is room for it.</summary>
    /// <exception cref="StorageException">The store has failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while there was no room to wait.</exception>
    internal async ValueTask EnqueueAsync(WriteCall call, CancellationToken cancellationToken)
    {
        try
        {
            await _waiting.Writer.WriteAsync(call, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Ended();
        }
    }

    /// <summary>Takes no more calls, finishes those that wait, and ends the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        _closed = true;
        _waiting.Writer.TryComplete();
        await _ended.Task.ConfigureAwait(false);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "a thread's last line; what is caught fails the store")]
    private void Run()
    {
        try
        {
            // What an earlier process destroyed just before it died may still be in the log.
            _erasure.Begin([]);
            _erasure.TryFinish();
            while (Gather() is { } calls)
            {
                Serve(calls);
                _erasure.TryFinish();
            }

            _erasure.GiveUp();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }
        finally
        {
            _ended.SetResult();
        }
    }

    /// <summary>The calls to run next; none when there is only an erasure to go on with, null when there will be no more.</summary>
    private List<WriteCall>? Gather()
    {
        if (_erasure.HasCallers)
        {
            // The erasure's own short wait for the other connection paces the loop.
            return _waiting.Reader.Completion.IsCompleted ? null : Take();
        }

        bool more = _waiting.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult();
        return more ? Take() : null;
    }

    private List<WriteCall> Take()
    {
        List<WriteCall> calls = [];
        while (calls.Count < _batchSize && _waiting.Reader.TryRead(out WriteCall? call))
        {
            if (call.TryTake())
            {
                calls.Add(call);
            }
        }

        return calls;
    }

    private void Serve(List<WriteCall> calls)
    {
        if (calls.Count == 0)
        {
            return;
        }

        try
        {
            Answer(calls.Count, _transaction.Run(calls));
        }
        catch
        {
            // Whether the batch is on the disk is unknown: nobody may be told that it is, and nobody that it is not can be charged twice.
            var lost = new StorageException(StorageFault.Unavailable, "the outcome of the write is unknown; the same call may be sent again");
            calls.ForEach(c => c.Fail(lost));
            throw;
        }
    }

    private void Answer(int calls, BatchResult result)
    {
        _metrics.Decided(calls, result.Commits);
        foreach (WriteCall call in result.Decided)
        {
            call.Complete();
        }

        if (result.Destroyers.Count > 0)
        {
            _erasure.Begin(result.Destroyers);
        }
    }

    private void Fail(Exception failure)
    {
        StorageLog.CommitLost(_logger, failure);
        var lost = new StorageException(StorageFault.Unavailable, "the database failed; the node must be started again", failure);
        _failed.TrySetResult(lost);
        _waiting.Writer.TryComplete();
        _erasure.GiveUp();
        while (_waiting.Reader.TryRead(out WriteCall? call))
        {
            call.Fail(Lost(lost));
        }
    }

    private Exception Ended() => _failed.Task.IsCompletedSuccessfully
        ? Lost(_failed.Task.Result)
        : new ObjectDisposedException(nameof(SqliteAccountStore));

    private static StorageException Lost(StorageException cause) => new(cause.Fault, cause.Message, cause);
}
