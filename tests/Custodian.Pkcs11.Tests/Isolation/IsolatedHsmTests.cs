using System.Diagnostics;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>A sound process of the HSM, and what happens to it from outside.</summary>
public sealed class IsolatedHsmTests : IAsyncLifetime, IDisposable
{
    // SCHED_OTHER and SCHED_BATCH (sched(7)).
    private const string Ordinary = "0";
    private const string Batch = "3";

    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Host_KilledAgainAndAgainUnderLoad_GivesNoWrongAnswerAndServesAgain()
    {
        await using var hsm = await OpenAsync();
        var record = await KnownRecord.MakeAsync(hsm);
        using var stop = new CancellationTokenSource();
        var load = record.LoadAsync(hsm, callers: 8, stop.Token);

        for (var i = 0; i < 3; i++)
        {
            var host = await events.NextAsync<HostStarted>();
            await record.TryEvaluateAsync(hsm);
            HostSignals.Send(host.ProcessId, HostSignals.Kill);
        }
        await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
        await stop.CancelAsync();
        var (right, failures) = await load;

        Assert.NotEqual(0, right);
        Assert.NotEmpty(failures);
        Assert.All(failures, failure => Assert.Equal(HsmErrorClass.Fatal, failure.Class));
        Assert.All(events.Of<HostFailed>(), failed => Assert.Equal((HostEndCause.Died, 137), (failed.Cause, failed.ExitStatus)));
        Assert.Equal(3, events.Of<HostFailed>().Count);
    }

    [Fact]
    public async Task Host_Stopped_IsKilledAtTheDeadlineBeforeItsCallsFail()
    {
        await using var hsm = await OpenAsync(deadline: TimeSpan.FromSeconds(2));
        var record = await KnownRecord.MakeAsync(hsm);
        var host = await events.NextAsync<HostStarted>();
        HostSignals.Send(host.ProcessId, HostSignals.Stop);
        var began = Stopwatch.GetTimestamp();

        var calls = await Task.WhenAll(Enumerable.Range(0, 32).Select(async _ =>
        {
            var failure = await record.TryEvaluateAsync(hsm);
            return (failure, HostLived: HostSignals.Exists(host.ProcessId));
        }));

        Assert.All(calls, call => Assert.Equal(HsmErrorClass.Fatal, call.failure!.Class));
        Assert.All(calls, call => Assert.False(call.HostLived));
        Assert.True(Stopwatch.GetElapsedTime(began) >= TimeSpan.FromSeconds(2));
        Assert.Equal((HostEndCause.Hung, 32), ((await events.NextAsync<HostFailed>()) is { } f ? (f.Cause, f.AbandonedCalls) : default));
        await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
    }

    [Fact]
    public async Task Host_StoppedWithAPipeFullOfRequests_IsKilledAtTheDeadline()
    {
        await using var hsm = await OpenAsync(deadline: TimeSpan.FromSeconds(2));
        var host = await events.NextAsync<HostStarted>();
        HostSignals.Send(host.ProcessId, HostSignals.Stop);

        var calls = Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await hsm.SealAsync(new byte[65536], new byte[1]))).ToArray();

        foreach (var call in calls)
        {
            Assert.Equal(HsmErrorClass.Fatal, (await Assert.ThrowsAsync<HsmException>(() => call)).Class);
        }
        await events.NextAsync<HostStarted>();
        await hsm.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Host_RecycledTenTimesUnderLoad_FailsNoRequest()
    {
        await using var hsm = await OpenAsync(recycleAfter: 100);
        var record = await KnownRecord.MakeAsync(hsm);
        using var stop = new CancellationTokenSource();
        var load = record.LoadAsync(hsm, callers: 8, stop.Token);

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(RecycleCause.Count, (await events.NextAsync<HostRecycled>()).Cause);
        }
        await stop.CancelAsync();
        var (right, failures) = await load;

        Assert.Empty(failures);
        Assert.True(right >= 1000, $"{right} evaluations");
        Assert.Empty(events.Of<HostFailed>());
    }

    [Fact]
    public async Task Host_Retired_IsGone()
    {
        var hsm = await OpenAsync(recycleAfter: 1);
        var record = await KnownRecord.MakeAsync(hsm);
        var recycled = await events.NextAsync<HostRecycled>();
        await record.EvaluateAsync(hsm);

        await hsm.DisposeAsync();

        Assert.False(HostSignals.Exists(recycled.ProcessId));
        Assert.All(events.Of<HostStarted>(), host => Assert.False(HostSignals.Exists(host.ProcessId)));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await hsm.AdmitAsync(CancellationToken.None));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await hsm.SealAsync(new byte[1], new byte[1]));
    }

    [Fact]
    public async Task Host_SignalledLikeItsGroup_ServesOn()
    {
        await using var hsm = await OpenAsync();
        var record = await KnownRecord.MakeAsync(hsm);
        var host = await events.NextAsync<HostStarted>();

        HostSignals.Send(host.ProcessId, HostSignals.Interrupt);
        HostSignals.Send(host.ProcessId, HostSignals.Terminate);
        for (var i = 0; i < 20; i++)
        {
            await record.EvaluateAsync(hsm);
        }

        Assert.Empty(events.Of<HostFailed>());
    }

    [Fact]
    public async Task Host_Started_HasThePinNeitherInItsArgumentsNorInItsEnvironment()
    {
        await using var hsm = await OpenAsync();
        var host = await events.NextAsync<HostStarted>();

        foreach (var file in new[] { "cmdline", "environ" })
        {
            var text = await File.ReadAllTextAsync($"/proc/{host.ProcessId}/{file}");
            Assert.NotEmpty(text);
            Assert.DoesNotContain("user-pin-1234", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Threads_ThatPassWorkOn_TakeNoProcessorFromOthersAndOthersAreAsTheyWere()
    {
        await using var hsm = await OpenAsync();
        var host = await events.NextAsync<HostStarted>();
        var record = await KnownRecord.MakeAsync(hsm);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(() => record.EvaluateAsync(hsm))));

        Assert.All(PoliciesOf(host.ProcessId, "hsm "), policy => Assert.Equal(Batch, policy));
        Assert.True(
            SpinWait.SpinUntil(
                () => PoliciesOf(Environment.ProcessId, "hsm answers").TrueForAll(policy => policy == Batch), TimeSpan.FromSeconds(10)),
            "what reads the answers does not wait for them as batch");
        Assert.All(PoliciesOf(Environment.ProcessId, ".NET TP Worker"), policy => Assert.Equal(Ordinary, policy));
    }

    [Fact]
    public async Task Token_AwayAndBack_IsServedAgainWithoutOpeningAnew()
    {
        await using var hsm = await OpenAsync();
        var record = await KnownRecord.MakeAsync(hsm);
        await events.NextAsync<HostStarted>();

        Directory.Move(token.SoftHsm.Tokens, token.SoftHsm.Tokens + ".away");
        Assert.Equal(HsmErrorClass.Fatal, (await record.TryEvaluateAsync(hsm))!.Class);
        Assert.Equal(HostEndCause.CanaryFailed, (await events.NextAsync<HostFailed>()).Cause);
        Assert.NotNull((await events.NextAsync<HostNotStarted>()).NextTry);
        await Assert.ThrowsAsync<HsmException>(async () => await hsm.AdmitAsync(CancellationToken.None));
        await Assert.ThrowsAsync<HsmException>(async () => await hsm.ProbeAsync(CancellationToken.None));

        Directory.Move(token.SoftHsm.Tokens + ".away", token.SoftHsm.Tokens);
        await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
    }

    [Fact]
    public async Task Evaluate_BadInput_CostsTheHostNothing()
    {
        await using var hsm = await OpenAsync();
        var host = await events.NextAsync<HostStarted>();

        for (var i = 0; i < 20; i++)
        {
            using var admission = await hsm.AdmitAsync(CancellationToken.None);
            var failure = await Assert.ThrowsAsync<HsmException>(
                async () => await hsm.EvaluateAsync(admission!, new byte[200], new byte[1], P256.Generator));
            Assert.Equal(HsmErrorClass.Data, failure.Class);
        }
        await hsm.ProbeAsync(CancellationToken.None);

        Assert.True(HostSignals.Exists(host.ProcessId));
        Assert.Empty(events.Of<HostFailed>());
    }

    private Task<IsolatedHsm> OpenAsync(TimeSpan? deadline = null, long recycleAfter = 0) => IsolatedHsm.OpenAsync(
        token.Options(sessions: 2),
        new IsolationOptions
        {
            Program = TestHosts.Sound(token),
            Deadline = deadline ?? TimeSpan.FromSeconds(20),
            RecycleAfter = recycleAfter,
            Observer = events.See,
        },
        CancellationToken.None);

    /// <summary>How threads of a name are scheduled (proc_pid_stat(5)): the 41st field, the 39th after the name in brackets.</summary>
    private static List<string> PoliciesOf(int process, string name)
    {
        List<string> policies = [];
        foreach (var thread in Directory.GetDirectories($"/proc/{process}/task"))
        {
            try
            {
                if (File.ReadAllText(thread + "/comm").StartsWith(name, StringComparison.Ordinal))
                {
                    policies.Add(File.ReadAllText(thread + "/stat").Split(") ")[1].Split(' ')[38]);
                }
            }
            catch (IOException)
            {
                // It has ended.
            }
        }
        Assert.NotEmpty(policies);
        return policies;
    }
}
