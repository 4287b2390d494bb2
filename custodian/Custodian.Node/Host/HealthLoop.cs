using Custodian.Node.Api.Health;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>
/// Watches what the node stands on while it serves: the HSM by a canary every few seconds, the database by its failure. A failing
/// canary makes the node unready; a failed commit stops it, since what the disk holds is then unknown until it is read again.
/// </summary>
internal sealed class HealthLoop : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    private HealthLoop(NodeRuntime runtime, IHostApplicationLifetime lifetime, ILogger logger) =>
        _loop = RunAsync(runtime, lifetime, logger, _stop.Token);

    /// <summary>Declares the start over and begins to watch.</summary>
    internal static HealthLoop Start(NodeRuntime runtime, IHostApplicationLifetime lifetime, ILogger logger)
    {
        runtime.Readiness.Holds(ReadinessPart.Start);
        lifetime.ApplicationStopping.Register(() => runtime.Readiness.Fails(ReadinessPart.Run, "the node is stopping"));
        return new HealthLoop(runtime, lifetime, logger);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private static async Task RunAsync(NodeRuntime runtime, IHostApplicationLifetime lifetime, ILogger logger, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval, TimeProvider.System);
        try
        {
            while (!runtime.StoreFailure.IsCompleted)
            {
                await ProbeAsync(runtime, logger, stop);
                await Task.WhenAny(timer.WaitForNextTickAsync(stop).AsTask(), runtime.StoreFailure);
                stop.ThrowIfCancellationRequested();
            }

            runtime.Readiness.Fails(ReadinessPart.Storage, "the database failed");
            HostLog.StorageLost(logger);
            lifetime.StopApplication();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The node stops for another reason.
        }
    }

    private static async Task ProbeAsync(NodeRuntime runtime, ILogger logger, CancellationToken stop)
    {
        bool wasWell = !runtime.Readiness.Current.Faults.ContainsKey(ReadinessPart.Hsm);
        try
        {
            await runtime.Hsm.ProbeAsync(stop);
            runtime.Readiness.Holds(ReadinessPart.Hsm);
            if (!wasWell)
            {
                HostLog.HsmBack(logger);
            }
        }
        catch (HsmException error)
        {
            runtime.Readiness.Fails(ReadinessPart.Hsm, "the HSM does not pass its canary");
            if (wasWell)
            {
                HostLog.HsmLost(logger, error.Class, error.Function, error.ReturnValue);
            }
        }
    }
}
