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

    private Task<IsolatedHsm> OpenAsync(HostFaultKind fault) => IsolatedHsm.OpenAsync(
        token.Options(sessions: 2),
        new IsolationOptions
        {
            Program = TestHosts.Faulty(token, fault),
            Deadline = fault == HostFaultKind.Silence ? TimeSpan.FromSeconds(2) : TimeSpan.FromSeconds(20),
            MemoryLimit = fault == HostFaultKind.Leak ? 256L << 20 : 1L << 30,
            Observer = events.See,
        },
        CancellationToken.None);
}
