using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>
/// The HSM's process dies, hangs and loses its token under a node that goes on: no wrong answer, no attempt charged that was not
/// evaluated, and no restart of the node.
/// </summary>
public sealed class IsolationTests
{
    private const int Callers = 8;

    [Fact]
    public async Task Evaluate_HostKilledAgainAndAgain_RefundsWhatWasNotEvaluated()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, Callers);

        // Until one was killed in the midst of something, which the first is as a rule.
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        for (int kill = 0; kill < 3 || (kill < 20 && !node.Logs.Contains("charge was REFUNDED", StringComparison.Ordinal)); kill++)
        {
            await load.AnsweredAsync(20);
            host.Kill();
            host = await HsmHostProcess.OfAsync(node, host);
        }

        await load.AnsweredAsync(20);
        await load.EndAsync();

        Assert.NotEqual(0, load.Refused);
        Assert.NotEqual(0, await load.AssertChargedAsAnsweredAsync());
    }

    [Fact]
    public async Task Evaluate_HostStopped_IsRefusedAtTheDeadlineAndRefunded()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, Callers);

        for (int stop = 0; stop < Effort.Times(1, 2); stop++)
        {
            await load.AnsweredAsync(20);
            HsmHostProcess host = await HsmHostProcess.OfAsync(node);
            host.Stop();
            await host.GoneAsync();
        }

        await load.AnsweredAsync(20);
        await load.EndAsync();

        Assert.NotEqual(0, load.Refused);
        Assert.True(await load.AssertChargedAsAnsweredAsync() >= Callers);
    }

    /// <summary>One call into the module hangs, where a stopped process hangs whole: its neighbours are served until the deadline.</summary>
    [ProgramFact("cc")]
    public async Task Evaluate_CallOfTheModuleHangsOrTakesTooMuchMemory_IsRefusedAndRefunded()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        string module = await SlowHsm.MakeAsync(realm.Folder, TimeSpan.Zero);
        await node.StopAsync();
        await node.StartAsync("hsm:deadline_ms=5000", "hsm:memory_mb=256", $"hsm:module={module}");
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, Callers);

        HsmHostProcess? host = null;
        foreach (Action<string> misbehave in Enumerable.Repeat(SlowHsm.FallSilent, Effort.Times(1, 2)).Append(SlowHsm.TakeMemory))
        {
            host = await HsmHostProcess.OfAsync(node, host);
            await load.AnsweredAsync(20);
            misbehave(realm.Folder);
            await host.GoneAsync();
        }

        await load.AnsweredAsync(20);
        await load.EndAsync();

        Assert.Contains("OutOfMemory: it took", node.Logs, StringComparison.Ordinal);
        Assert.NotEqual(0, load.Refused);
        Assert.NotEqual(0, await load.AssertChargedAsAnsweredAsync());
    }

    [Fact]
    public async Task Evaluate_HostsRecycledUnderLoad_RefusesNothing()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await node.StopAsync();
        await node.StartAsync("hsm:recycle_after=40");
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, Callers);

        // A successor takes its time to start where the machine is busy; the load goes on until enough have.
        int recycled = 0;
        int wanted = Effort.Times(2, 10);
        for (int answered = 0; answered < 250 || (recycled < wanted && answered < 50_000); answered += 50)
        {
            await load.AnsweredAsync(50);
            recycled = node.Logs.Split("as planned").Length - 1;
        }

        await load.EndAsync();

        Assert.Equal(0, load.Refused);
        Assert.True(recycled >= wanted, $"it was recycled {recycled} times");
        await load.AssertChargedAsAnsweredAsync();
    }

    [Fact]
    public async Task Token_AwayAndBack_IsUnreadyMeanwhileAndServesAgainWithoutARestart()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, 2);
        await load.AnsweredAsync(10);
        string tokens = Path.Combine(node.Folder, "tokens");

        Directory.Move(tokens, tokens + ".away");
        await load.RefusedAsync(5);
        await ReadyAsync(realm, node, expected: false);
        Directory.Move(tokens + ".away", tokens);
        await ReadyAsync(realm, node, expected: true);
        await load.AnsweredAsync(10);
        await load.EndAsync();

        Assert.False(node.Process.HasExited);
        await load.AssertChargedAsAnsweredAsync();
    }

    /// <summary>The seal key is well all the while; the canary is of everything that a call needs.</summary>
    [ProgramFact("cc")]
    [Trait("Effort", "Long")]
    public async Task Readiness_ModuleDerivesNoMore_FollowsTheCanaryAndComesBackWithoutARestart()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        string module = await SlowHsm.MakeAsync(realm.Folder, TimeSpan.Zero);
        await node.StopAsync();
        await node.StartAsync($"hsm:module={module}");
        await ReadyAsync(realm, node, expected: true);

        using (SlowHsm.Break(realm.Folder))
        {
            await ReadyAsync(realm, node, expected: false);
        }

        await ReadyAsync(realm, node, expected: true);
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, 1);
        await load.AnsweredAsync(3);
        Assert.False(node.Process.HasExited);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Node_Killed_LeavesNoHostBehind(bool stopped)
    {
        await using Realm realm = await Realm.StartAsync(1);
        HsmHostProcess host = await HsmHostProcess.OfAsync(realm.Nodes[0]);
        if (stopped)
        {
            host.Stop();
        }

        await realm.Nodes[0].KillAsync();

        await host.GoneAsync();
    }

    [Fact]
    public async Task Serve_InProcess_HasNoHostAndServes()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        Expect.Success(await node.StopAsync());
        await node.StartAsync("hsm:isolation=in_process");
        await using EvaluateLoad load = await EvaluateLoad.StartAsync(realm, 1);

        await load.AnsweredAsync(3);

        Assert.Empty(HsmHostProcess.ChildrenOf(node.Process.Id));
    }

    [Fact]
    public async Task HsmHost_StartedByHand_SaysWhatToRun()
    {
        ProcessOutcome outcome = await ChildProcess.RunAsync(
            "/usr/bin/script", ["-qec", $"{Programs.Custodian} hsm-host", "/dev/null"]);

        Expect.ExitCode(2, outcome);
        Expect.Says("custodian serve", outcome);
    }

    private static async Task<Realm> StartAsync()
    {
        Realm realm = await Realm.StartAsync(1);
        foreach (string expected in new[] { "the HSM process ", "the HSM failed" })
        {
            realm.Expected.Add(expected);
        }

        await realm.Nodes[0].StopAsync();
        await realm.Nodes[0].StartAsync("hsm:deadline_ms=2000");
        return realm;
    }

    private static async Task ReadyAsync(Realm realm, NodeProcess node, bool expected)
    {
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = RawCaller.Trust(realm.CaFile) });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        while ((await http.GetAsync(new Uri($"{node.Address}/readyz"), patience.Token)).IsSuccessStatusCode != expected)
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }
}
