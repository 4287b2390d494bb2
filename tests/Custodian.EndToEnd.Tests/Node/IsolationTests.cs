using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;

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
        await using Load load = await Load.StartAsync(realm, Callers);

        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        for (int kill = 0; kill < 3; kill++)
        {
            await load.AnsweredAsync(20);
            host.Kill();
            host = await HsmHostProcess.OfAsync(node, host);
        }

        await load.AnsweredAsync(20);
        await load.EndAsync();

        await load.AssertChargedAsAnsweredAsync();
    }

    [Fact]
    public async Task Evaluate_HostStopped_IsRefusedAtTheDeadlineAndRefunded()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        await using Load load = await Load.StartAsync(realm, Callers);

        for (int stop = 0; stop < 2; stop++)
        {
            await load.AnsweredAsync(20);
            HsmHostProcess host = await HsmHostProcess.OfAsync(node);
            host.Stop();
            await host.GoneAsync();
        }

        await load.AnsweredAsync(20);
        await load.EndAsync();

        Assert.NotEqual(0, load.Refused);
        await load.AssertChargedAsAnsweredAsync();
        Assert.True(await load.RefundsInTheAuditLogAsync() >= Callers);
    }

    /// <summary>One call into the module hangs, where a stopped process hangs whole: its neighbours are served until the deadline.</summary>
    [ProgramFact("cc")]
    public async Task Evaluate_CallOfTheModuleNeverReturns_IsRefusedAtTheDeadlineAndRefunded()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        string module = await SlowHsm.MakeAsync(realm.Folder, TimeSpan.Zero);
        await node.StopAsync();
        await node.StartAsync("hsm:deadline_ms=2000", $"hsm:module={module}");
        await using Load load = await Load.StartAsync(realm, Callers);

        for (int hang = 0; hang < 2; hang++)
        {
            await load.AnsweredAsync(20);
            HsmHostProcess host = await HsmHostProcess.OfAsync(node);
            SlowHsm.FallSilent(realm.Folder);
            await host.GoneAsync();
        }

        await load.AnsweredAsync(20);
        await load.EndAsync();

        Assert.NotEqual(0, load.Refused);
        await load.AssertChargedAsAnsweredAsync();
        Assert.NotEqual(0, await load.RefundsInTheAuditLogAsync());
    }

    [Fact]
    public async Task Evaluate_HostsRecycledUnderLoad_RefusesNothing()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await node.StopAsync();
        await node.StartAsync("hsm:recycle_after=40");
        await using Load load = await Load.StartAsync(realm, Callers);

        // A successor takes its time to start where the machine is busy; the load goes on until two have.
        int recycled = 0;
        for (int answered = 0; answered < 250 || (recycled < 2 && answered < 10_000); answered += 50)
        {
            await load.AnsweredAsync(50);
            recycled = node.Logs.Split("as planned").Length - 1;
        }

        await load.EndAsync();

        Assert.Equal(0, load.Refused);
        Assert.True(recycled >= 2, "it was not recycled");
        await load.AssertChargedAsAnsweredAsync();
    }

    [Fact]
    public async Task Token_AwayAndBack_IsUnreadyMeanwhileAndServesAgainWithoutARestart()
    {
        await using Realm realm = await StartAsync();
        NodeProcess node = realm.Nodes[0];
        await using Load load = await Load.StartAsync(realm, 2);
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
        await using Load load = await Load.StartAsync(realm, 1);
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
        await using Load load = await Load.StartAsync(realm, 1);

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

    /// <summary>Subjects who evaluate over and over, each with attempts of its own, and confirm before these run out.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private const int MaxAttempts = 100;

        private readonly Realm _realm;
        private readonly List<(SoloRecord Record, RawCaller Caller)> _records;
        private readonly ConcurrentDictionary<SoloRecord, uint> _unconfirmed = new();
        private readonly ConcurrentQueue<string> _wrong = new();
        private readonly CancellationTokenSource _stop = new();
        private readonly SemaphoreSlim _answers = new(0);
        private readonly SemaphoreSlim _refusals = new(0);
        private readonly Task _run;
        private int _refused;

        private Load(Realm realm, List<(SoloRecord Record, RawCaller Caller)> records)
        {
            (_realm, _records) = (realm, records);
            _run = Task.WhenAll(records.Select(r => RunAsync(r.Record)));
        }

        internal int Refused => _refused;

        private NodeProcess Node => _realm.Nodes[0];

        internal static async Task<Load> StartAsync(Realm realm, int callers)
        {
            var records = new List<(SoloRecord Record, RawCaller Caller)>();
            for (int i = 0; i < callers; i++)
            {
                string subject = realm.NewSubject();
                RawCaller caller = realm.CallerFor(realm.Nodes[0], subject);
                records.Add((await SoloRecord.EnrolAsync(
                    caller, realm.SetId, realm.Nodes[0].NodeId, realm.Issuer.Name, subject, maxAttempts: MaxAttempts), caller));
            }

            return new Load(realm, records);
        }

        /// <summary>Ends when so many more evaluations were answered.</summary>
        internal Task AnsweredAsync(int further) => TakeAsync(_answers, further);

        /// <summary>Ends when so many more evaluations were refused.</summary>
        internal Task RefusedAsync(int further) => TakeAsync(_refusals, further);

        internal async Task EndAsync()
        {
            await _stop.CancelAsync();
            await _run;
        }

        /// <summary>That each record is charged with the attempts that were answered, no more and no less, and that each answer was right.</summary>
        internal async Task AssertChargedAsAnsweredAsync()
        {
            Assert.Empty(_wrong);
            foreach ((SoloRecord record, _) in _records)
            {
                Assert.Equal(_unconfirmed.GetValueOrDefault(record), (await record.StatusAsync()).AttemptsUsed);
            }
        }

        internal async Task<int> RefundsInTheAuditLogAsync()
        {
            ProcessOutcome audit = Expect.Success(await Node.RunAsync("audit", "--json"));
            return audit.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(l => (string?)JsonNode.Parse(l)!["event"] == "Refunded");
        }

        public async ValueTask DisposeAsync()
        {
            await EndAsync();
            foreach ((SoloRecord record, RawCaller caller) in _records)
            {
                record.Dispose();
                caller.Dispose();
            }

            _stop.Dispose();
            _answers.Dispose();
            _refusals.Dispose();
        }

        private static async Task TakeAsync(SemaphoreSlim counted, int further)
        {
            for (int i = 0; i < further; i++)
            {
                Assert.True(await counted.WaitAsync(TimeSpan.FromSeconds(60)), $"{i} of {further} came");
            }
        }

        private async Task RunAsync(SoloRecord record)
        {
            while (!_stop.IsCancellationRequested)
            {
                SoloRecord.Attempt attempt = record.NewAttempt();
                try
                {
                    EvaluateResponse answer = await record.EvaluateAsync(attempt);
                    Judge(record, attempt, answer);
                    uint used = _unconfirmed.AddOrUpdate(record, 1, (_, before) => before + 1);
                    if (used > MaxAttempts / 2)
                    {
                        await record.ConfirmAsync(attempt, answer.Sequence);
                        _unconfirmed[record] = 0;
                    }

                    _answers.Release();
                }
                catch (RpcException refused)
                {
                    Judge(WireRefusal.Of(refused));
                    await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
                }
            }
        }

        private void Judge(SoloRecord record, SoloRecord.Attempt attempt, EvaluateResponse answer)
        {
            if (!record.Mask.AsSpan().SequenceEqual(attempt.Blinded.MaskOf(answer.Evaluated)))
            {
                _wrong.Enqueue("another mask than Prepare's");
            }
        }

        private void Judge(WireRefusal refusal)
        {
            Interlocked.Increment(ref _refused);
            _refusals.Release();
            if (refusal.Reason != "HSM_UNAVAILABLE")
            {
                _wrong.Enqueue(refusal.Reason);
            }
        }
    }
}
