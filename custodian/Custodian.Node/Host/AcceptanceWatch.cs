using Custodian.Node.Api.Health;
using Custodian.Node.Storage;

namespace Custodian.Node.Host;

/// <summary>
/// Holds a node back that was started on a copy: not ready, and without an answer to Evaluate, until an operator has accepted what the
/// copy has forgotten. The acceptance comes by another process, through the database, and needs no restart.
/// </summary>
internal sealed class AcceptanceWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly NodeRuntime _runtime;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;

    private AcceptanceWatch(NodeRuntime runtime, ILogger logger)
    {
        (_runtime, _logger) = (runtime, logger);
        _watch = WatchAsync();
    }

    /// <summary>Looks whether the database awaits an acceptance, and waits for it if so.</summary>
    internal static async Task<AcceptanceWatch> StartAsync(NodeRuntime runtime, ILogger logger, CancellationToken cancellation)
    {
        if (await runtime.Store.ReadRestorationAsync(cancellation) is { AwaitsAcceptance: true } restoration)
        {
            // Anyone may read this; since when, and what to do, is for the log and for 'custodian status'.
            runtime.Readiness.Fails(ReadinessPart.Restoration, "the database is a copy, and what it has forgotten is not accepted yet");
            StorageLog.AwaitsAcceptance(logger, restoration.Advice);
        }

        return new AcceptanceWatch(runtime, logger);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(Interval, TimeProvider.System);
        while (_runtime.Store.AwaitsAcceptance && await timer.WaitForNextTickAsync(_stop.Token))
        {
            await LookAsync();
        }
    }

    private async Task LookAsync()
    {
        try
        {
            if (await _runtime.Store.ReadRestorationAsync(_stop.Token) is { AwaitsAcceptance: false } accepted)
            {
                StorageLog.Accepted(_logger, Restoration.Said(accepted.BehindMs));
                _runtime.Readiness.Holds(ReadinessPart.Restoration);
            }
        }
        catch (StorageException)
        {
            // It goes on waiting: what cannot be read was not accepted, and the calls report the database themselves.
        }
    }
}
