using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>
/// A process that does what none should, in the middle of many calls: it is killed and told of once, its calls are answered rightly or
/// fail, and the next process serves.
/// </summary>
public sealed class HostFaultTests : IAsyncLifetime, IDisposable
{
    private const int Callers = 16;

    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Theory]
    [InlineData(HostFaultKind.Truncated, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.Oversized, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.Undersized, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.Garbage, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.UnknownId, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.Request, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.TrailingByte, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.WrongFields, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.Twice, HostEndCause.BadFrame)]
    [InlineData(HostFaultKind.Silence, HostEndCause.Hung)]
    [InlineData(HostFaultKind.Abort, HostEndCause.Died)]
    [InlineData(HostFaultKind.Exit, HostEndCause.Died)]
    [InlineData(HostFaultKind.Leak, HostEndCause.OutOfMemory)]
    public async Task Evaluate_HostFails_IsRightOrFatalAndTheNextHostServes(HostFaultKind fault, HostEndCause cause)
    {
        await using var hsm = await OpenAsync(fault);
        var record = await KnownRecord.MakeAsync(hsm);
        var broken = (await events.NextAsync<HostStarted>()).ProcessId;

        var outcomes = await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => record.TryEvaluateAsync(hsm)));
        var failure = await events.NextAsync<HostFailed>();
        await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
        await hsm.ProbeAsync(CancellationToken.None);

        Assert.Equal((broken, cause), (failure.ProcessId, failure.Cause));
        Assert.InRange(failure.AbandonedCalls, 1, outcomes.Count(o => o is not null));
        Assert.All(outcomes, o => Assert.True(o is null or { Class: HsmErrorClass.Fatal, Function: "hsm-host" }, o?.ToString()));
        Assert.Single(events.Of<HostFailed>());
        Assert.False(HostSignals.Exists(broken));
    }

    [Fact]
    public async Task Host_GrownNearItsMemoryLimit_IsReplacedAndFailsNoCall()
    {
        var time = new ManualTime();
        await using var hsm = await OpenAsync(HostFaultKind.Grow, time);
        var record = await KnownRecord.MakeAsync(hsm);
        var grown = await events.NextAsync<HostStarted>();
        using var stop = new CancellationTokenSource();
        var load = record.LoadAsync(hsm, callers: 4, stop.Token);
        await ResidentAsync(grown.ProcessId, FaultyHost.Grown);

        time.Advance(TimeSpan.FromSeconds(11));
        var recycled = await events.NextAsync<HostRecycled>();
        await record.EvaluateAsync(hsm);
        await stop.CancelAsync();
        var (right, failures) = await load;

        Assert.Equal((grown.ProcessId, RecycleCause.Memory), (recycled.ProcessId, recycled.Cause));
        Assert.Empty(failures);
        Assert.NotEqual(0, right);
        Assert.Empty(events.Of<HostFailed>());
        Assert.Single(events.Of<HostRecycled>());
    }

    /// <summary>Who acts on the word that a process has started must find one.</summary>
    [Fact]
    public async Task Host_ToldOfAsStartedAfterAFailure_ServesAtThatMoment()
    {
        IsolatedHsm? opened = null;
        var served = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var hsm = await OpenAsync(HostFaultKind.Exit, observer: happened =>
        {
            events.See(happened);
            if (happened is HostStarted && opened is not null)
            {
                served.TrySetResult(Record.Exception(() => opened.AdmitAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult()?.Dispose()) is null);
            }
        });
        opened = hsm;
        var record = await KnownRecord.MakeAsync(hsm);

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => record.TryEvaluateAsync(hsm)));

        Assert.True(await served.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System));
    }

    /// <summary>Its place is taken while a call in it hangs: that call is lost, and the process did not just give way.</summary>
    [Fact]
    public async Task Host_ReplacedWhileACallHangs_IsToldOfAsFailedAndTheSuccessorServes()
    {
        await using var hsm = await OpenAsync(HostFaultKind.Silence, recycleAfter: 4);
        var record = await KnownRecord.MakeAsync(hsm);
        var replaced = await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
        await record.EvaluateAsync(hsm);

        var lost = record.TryEvaluateAsync(hsm);
        var successor = await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
        var failure = await events.NextAsync<HostFailed>();

        Assert.Equal((replaced.ProcessId, HostEndCause.Hung, 1), (failure.ProcessId, failure.Cause, failure.AbandonedCalls));
        Assert.Equal(HsmErrorClass.Fatal, (await lost)?.Class);
        Assert.Empty(events.Of<HostRecycled>());
        Assert.True(HostSignals.Exists(successor.ProcessId));
    }

    [Fact]
    public async Task Evaluate_AgainAndAgain_IsOneRoundTripEach()
    {
        const int times = 100;
        await using var hsm = await OpenAsync(HostFaultKind.Counted);
        var record = await KnownRecord.MakeAsync(hsm);
        var before = TestHosts.FramesOf(token);

        await Task.WhenAll(Enumerable.Range(0, times).Select(_ => record.EvaluateAsync(hsm)));

        Assert.Equal(times, TestHosts.FramesOf(token) - before);
    }

    private static async Task ResidentAsync(int processId, long least)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (ResidentMemory.Of(processId) < least)
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    private Task<IsolatedHsm> OpenAsync(
        HostFaultKind fault, TimeProvider? time = null, long recycleAfter = 0, Action<IsolationEvent>? observer = null) => IsolatedHsm.OpenAsync(
        token.Options(sessions: 2, timeProvider: time),
        new IsolationOptions
        {
            Program = TestHosts.Faulty(token, fault),
            Deadline = fault == HostFaultKind.Silence ? TimeSpan.FromSeconds(2) : TimeSpan.FromSeconds(20),
            MemoryLimit = fault is HostFaultKind.Leak or HostFaultKind.Grow ? 256L << 20 : 1L << 30,
            RecycleAfter = recycleAfter,
            Observer = observer ?? events.See,
        },
        CancellationToken.None);
}
