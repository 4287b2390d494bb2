using Custodian.Node.Api.Health;
using Custodian.Node.Host;
using Custodian.Node.Tests.Api.Node;
using Custodian.Pkcs11;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Host;

public sealed class HealthLoopTests : IDisposable
{
    private static readonly HealthPace Fast = new() { Interval = TimeSpan.FromMilliseconds(1), IntervalWhenFailing = TimeSpan.FromMilliseconds(1), ProbeLimit = TimeSpan.FromMilliseconds(20) };

    private readonly Readiness _readiness = new();
    private readonly ApplicationLifetime _lifetime = new(NullLogger<ApplicationLifetime>.Instance);
    private readonly TaskCompletionSource _storeFailure = new();
    private readonly TestLog _log = new();

    public HealthLoopTests() => _readiness.Holds(ReadinessPart.Start);

    [Fact]
    public async Task Database_FailsWhileAProbeHangs_StopsTheNodeAtOnce()
    {
        var never = new TaskCompletionSource();
        await using HealthLoop loop = Start(_ => new ValueTask(never.Task), new HealthPace());
        _storeFailure.SetResult();
        await StoppedAsync();
        Assert.True(_readiness.Current.Faults.ContainsKey(ReadinessPart.Storage));
        Assert.False(loop.HsmIsLost);
    }

    [Fact]
    public async Task Probe_Hangs_MakesTheNodeUnreadyAndIsNotAskedAgainUntilItAnswers()
    {
        var answer = new TaskCompletionSource();
        int probes = 0;
        await using HealthLoop loop = Start(_ => Interlocked.Increment(ref probes) == 1 ? new ValueTask(answer.Task) : default, Fast);
        await UntilAsync(state => !state.IsReady);
        Assert.Equal(1, Volatile.Read(ref probes));
        answer.SetResult();
        await UntilAsync(state => state.IsReady);
        Assert.Single(_log.TakeWarnings(), line => line.Contains("did not answer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Probe_FatalThreeTimesInARow_StopsTheNode()
    {
        int probes = 0;
        await using HealthLoop loop = Start(_ => ++probes == 3 ? default : throw Failure(HsmErrorClass.Fatal), Fast);
        await StoppedAsync();
        Assert.True(loop.HsmIsLost);
        Assert.Equal(6, probes);
        Assert.Contains(_log.TakeWarnings(), line => line.StartsWith("Critical: the HSM does not come back by itself", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Probe_FatalAgainAndAgainFromAnHsmThatHeals_WaitsForItUnready()
    {
        int probes = 0;
        await using HealthLoop loop = Start(
            _ => ++probes <= 10 ? throw Failure(HsmErrorClass.Fatal) : default,
            HealthPace.OfHealingHsm with { IntervalWhenFailing = TimeSpan.FromMilliseconds(1) });
        Assert.False(_readiness.Current.IsReady);
        await UntilAsync(state => state.IsReady);
        Assert.Equal(11, probes);
        Assert.False(loop.HsmIsLost);
        Assert.Single(_log.TakeWarnings());
    }

    [Fact]
    public async Task Hsm_SeenFailingBySomebodyElse_IsAskedAtOnce()
    {
        int probes = 0;
        await using HealthLoop loop = Start(
            _ => ++probes == 1 ? default : throw Failure(HsmErrorClass.Pin), new HealthPace { Interval = TimeSpan.FromDays(1) });
        _readiness.Fails(ReadinessPart.Hsm, "its process died");
        await UntilAsync(state => state.Faults.GetValueOrDefault(ReadinessPart.Hsm) is { } why && !why.Contains("died", StringComparison.Ordinal));
        Assert.Equal(2, probes);
    }

    [Fact]
    public async Task Probe_PinRefused_GoesOnUnready()
    {
        var fifth = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int probes = 0;
        await using HealthLoop loop = Start(
            _ =>
            {
                if (++probes == 5)
                {
                    fifth.SetResult();
                }

                throw Failure(HsmErrorClass.Pin);
            },
            Fast);
        await fifth.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(_readiness.Current.IsReady);
        Assert.False(_lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.False(loop.HsmIsLost);
    }

    [Fact]
    public async Task Probe_UnforeseenException_IsLoggedAndTheLoopGoesOn()
    {
        int probes = 0;
        await using HealthLoop loop = Start(_ => ++probes == 1 ? throw new InvalidOperationException("odd") : default, Fast with { IntervalWhenFailing = TimeSpan.FromMilliseconds(50) });
        Assert.False(_readiness.Current.IsReady);
        await UntilAsync(state => state.IsReady);
        Assert.Contains(_log.TakeWarnings(), line => line.Contains("unforeseen", StringComparison.Ordinal) && line.Contains("odd", StringComparison.Ordinal));
    }

    public void Dispose() => _log.Dispose();

    private static HsmException Failure(HsmErrorClass kind) => new(kind, 5, "C_Test", "it does not work");

    private HealthLoop Start(Func<CancellationToken, ValueTask> probe, HealthPace pace) =>
        new(probe, _storeFailure.Task, _readiness, _lifetime, _log.CreateLogger("health"), pace);

    private Task StoppedAsync()
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _lifetime.ApplicationStopping.Register(stopped.SetResult);
        return stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private async Task UntilAsync(Func<ReadinessState, bool> condition)
    {
        for (ReadinessState state = _readiness.Current; !condition(state); state = _readiness.Current)
        {
            await state.Changed.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }
}
