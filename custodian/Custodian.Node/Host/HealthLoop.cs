using Custodian.Node.Api.Health;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>How often the HSM is asked, and how long an answer may take.</summary>
internal sealed record HealthPace
{
    /// <summary>From one probe to the next. Default 5 s.</summary>
    internal TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The same while the HSM fails. Default 5 s.</summary>
    internal TimeSpan IntervalWhenFailing { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After which a probe counts as failed. Default 10 s.</summary>
    internal TimeSpan ProbeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After how many failures for good in a row the node stops; null for never. Default 3.</summary>
    internal int? FatalProbesToStop { get; init; } = 3;

    /// <summary>For an HSM that comes back by itself: asked often while it is away, and never given up.</summary>
    internal static HealthPace OfHealingHsm { get; } = new() { IntervalWhenFailing = TimeSpan.FromMilliseconds(500), FatalProbesToStop = null };
}

/// <summary>
/// Watches what the node stands on while it serves: the HSM by a canary every few seconds, the database by its failure. A failing
/// canary makes the node unready; a failed commit stops it, since what the disk holds is then unknown until it is read again. The two
/// are watched apart, so that an HSM that hangs does not hide a database that failed.
/// </summary>
/// <remarks>
/// An HSM in this process does not heal from a failure of class <see cref="HsmErrorClass.Fatal"/>: after three in a row the node stops, and
/// whoever supervises it starts it anew. A refused PIN is not of that class, so that no supervisor tries a wrong PIN until the token locks.
/// One in a process of its own is replaced there, and waited for.
/// </remarks>
internal sealed class HealthLoop : IAsyncDisposable
{
    private readonly Func<CancellationToken, ValueTask> _probe;
    private readonly Readiness _readiness;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger _logger;
    private readonly HealthPace _pace;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watches;
    private Task? _unanswered;
    private int _fatalProbes;
    private volatile bool _hsmIsLost;

    internal HealthLoop(
        Func<CancellationToken, ValueTask> probe, Task storeFailure, Readiness readiness, IHostApplicationLifetime lifetime, ILogger logger,
        HealthPace pace)
    {
        (_probe, _readiness, _lifetime, _logger, _pace) = (probe, readiness, lifetime, logger, pace);
        _watches = Task.WhenAll(WatchStoreAsync(storeFailure), WatchHsmAsync());
    }

    /// <summary>Whether the node stops because its HSM does not come back.</summary>
    internal bool HsmIsLost => _hsmIsLost;

    /// <summary>Declares the start over and begins to watch.</summary>
    internal static HealthLoop Start(NodeRuntime runtime, IHostApplicationLifetime lifetime, ILogger logger)
    {
        runtime.Readiness.Holds(ReadinessPart.Start);
        lifetime.ApplicationStopping.Register(() => runtime.Readiness.Fails(ReadinessPart.Run, "the node is stopping"));
        return new HealthLoop(runtime.Hsm.ProbeAsync, runtime.StoreFailure, runtime.Readiness, lifetime, logger, runtime.HsmHeals ? HealthPace.OfHealingHsm : new HealthPace());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watches;
        _stop.Dispose();
    }

    private async Task WatchStoreAsync(Task storeFailure)
    {
        await storeFailure.WaitAsync(_stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (storeFailure.IsCompleted)
        {
            _readiness.Fails(ReadinessPart.Storage, "the database failed");
            HostLog.StorageLost(_logger);
            _lifetime.StopApplication();
        }
    }

    private async Task WatchHsmAsync()
    {
        try
        {
            await ProbeAsync();
            while (_pace.FatalProbesToStop is not { } most || _fatalProbes < most)
            {
                await PauseAsync();
                await ProbeAsync();
            }
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // The node stops for another reason; what the probe then says plays no part.
            return;
        }

        _hsmIsLost = true;
        HostLog.HsmGivenUp(_logger);
        _lifetime.StopApplication();
    }

    /// <summary>Until the next probe is due. One is due at once when somebody else saw the HSM fail.</summary>
    private async Task PauseAsync()
    {
        ReadinessState state = _readiness.Current;
        bool failing = state.Faults.ContainsKey(ReadinessPart.Hsm);
        Task pause = Task.Delay(failing ? _pace.IntervalWhenFailing : _pace.Interval, TimeProvider.System, _stop.Token);
        await Task.WhenAny(pause, failing ? pause : state.Changed);
        _stop.Token.ThrowIfCancellationRequested();
    }

    private async Task ProbeAsync()
    {
        try
        {
            await AskAsync();
            _fatalProbes = 0;
            Pass();
        }
        catch (Exception failure) when (!_stop.IsCancellationRequested)
        {
            _fatalProbes = failure is HsmException { Class: HsmErrorClass.Fatal } ? _fatalProbes + 1 : 0;
            Fail(failure);
        }
    }

    /// <summary>Waits for a probe, and for one that has not answered yet rather than queueing another behind it.</summary>
    private async Task AskAsync()
    {
        Task probe = _unanswered ??= _probe(_stop.Token).AsTask();
        try
        {
            await probe.WaitAsync(_pace.ProbeLimit, TimeProvider.System, _stop.Token);
        }
        finally
        {
            if (probe.IsCompleted)
            {
                _unanswered = null;
            }
        }
    }

    private void Pass()
    {
        if (HsmFails)
        {
            _readiness.Holds(ReadinessPart.Hsm);
            HostLog.HsmBack(_logger);
        }
    }

    /// <summary>Marks the node unready; logged once for each time that the HSM goes.</summary>
    private void Fail(Exception failure)
    {
        bool known = HsmFails;
        _readiness.Fails(ReadinessPart.Hsm, "the HSM does not pass its canary");
        if (!known)
        {
            Log(failure);
        }
    }

    private bool HsmFails => _readiness.Current.Faults.ContainsKey(ReadinessPart.Hsm);

    private void Log(Exception failure)
    {
        switch (failure)
        {
            case HsmException hsm:
                HostLog.HsmLost(_logger, hsm.Class, hsm.Function, hsm.ReturnValue);
                break;
            case TimeoutException:
                HostLog.HsmSilent(_logger, _pace.ProbeLimit);
                break;
            default:
                HostLog.ProbeFailed(_logger, failure);
                break;
        }
    }
}
