using Custodian.Node.Api.Health;
using Custodian.Node.Storage;

namespace Custodian.Node.Host;

/// <summary>
/// While the database takes no writes, tries it every few seconds, and makes the node ready again when it does. Tries nothing while all is
/// well: the calls themselves show when it is not (<see cref="StorageWatch"/>).
/// </summary>
internal sealed class StorageLoop : IAsyncDisposable
{
    private readonly Func<CancellationToken, Task> _probe;
    private readonly Task _lost;
    private readonly Readiness _readiness;
    private readonly ILogger _logger;
    private readonly TimeSpan _interval;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;

    /// <param name="probe">Writes, or throws a <see cref="StorageException"/>.</param>
    /// <param name="lost">Completes when the database is beyond trying, and the node stops.</param>
    /// <param name="readiness">What is watched and changed.</param>
    /// <param name="logger">Where the return is told.</param>
    /// <param name="interval">From one try to the next, and from a failure to the first.</param>
    internal StorageLoop(Func<CancellationToken, Task> probe, Task lost, Readiness readiness, ILogger logger, TimeSpan interval)
    {
        (_probe, _lost, _readiness, _logger, _interval) = (probe, lost, readiness, logger, interval);
        _watch = WatchAsync();
    }

    /// <summary>Begins to watch a node.</summary>
    internal static StorageLoop Start(NodeRuntime runtime, ILogger logger) =>
        new(runtime.Store.ProbeAsync, runtime.StoreFailure, runtime.Readiness, logger, new HealthPace().Interval);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        while (true)
        {
            ReadinessState state = _readiness.Current;
            if (!state.Faults.ContainsKey(ReadinessPart.Storage))
            {
                await state.Changed.WaitAsync(_stop.Token);
                continue;
            }

            await Task.Delay(_interval, TimeProvider.System, _stop.Token);
            await TryAsync();
        }
    }

    private async Task TryAsync()
    {
        try
        {
            await _probe(_stop.Token);
        }
        catch (StorageException)
        {
            // Still the same; it was logged when it began.
            return;
        }

        if (!_lost.IsCompleted)
        {
            HostLog.StorageBack(_logger);
            _readiness.Holds(ReadinessPart.Storage);
        }
    }
}
