using System.Globalization;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>
/// Everything that a machine room does to an HSM, at one node after another under people who enrol and recover: its process killed, stopped,
/// starved of the processor and of memory, its token away for a while, its keys rotated. Beside them callers of each node count what they are
/// charged for.
/// </summary>
public sealed class HsmWeatherTests(ITestOutputHelper output)
{
    private static readonly IReadOnlyList<string> Events = ["killed", "stopped", "starved", "short of memory", "token away", "keys rotated"];

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Traffic_HsmsKilledStoppedStarvedWithoutTokensAndWithNewKeys_LosesNothingAndChargesWhatWasEvaluated()
    {
        await using Realm realm = await StartAsync();
        var traffic = new Traffic(realm, new TrafficOptions { Subjects = 10, Workers = 2 });
        EvaluateLoad[] loads = await Task.WhenAll(realm.Nodes.Select(node => EvaluateLoad.AmongOthersAsync(realm, 2, node)));
        using var stop = new CancellationTokenSource();
        Task run = traffic.RunAsync(stop: stop.Token);
        await traffic.ReachedAsync(5);

        foreach ((int node, string what) in Weather())
        {
            await HappenAsync(realm.Nodes[node], what);
            await loads[node].AnsweredAsync(10);
            await traffic.ReachedAsync(traffic.Report.Results.Count + 2);
        }

        await traffic.ReachedAsync(traffic.Report.Results.Count + 10);
        await stop.CancelAsync();
        await run;
        foreach (EvaluateLoad load in loads)
        {
            await load.EndAsync();
        }

        TrafficReport kept = await traffic.VerifyAsync();
        string text = $"{traffic.Report}\n{kept}";
        output.WriteLine(text);
        Assert.True(traffic.Report is { Lost: 0, Wrong: 0, Broken: 0 }, text);
        Assert.True(kept is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 }, text);
        Assert.Equal(traffic.Subjects.Count(s => s.IsPromised), kept.Done);
        foreach ((NodeProcess node, EvaluateLoad load) in realm.Nodes.Zip(loads))
        {
            Assert.False(node.Process.HasExited);
            int refunds = await load.AssertChargedAsAnsweredAsync();
            output.WriteLine($"{node.NodeId}: {load.Answered} evaluations to the callers who count, {load.Refused} refused, {refunds} charges taken back");
            Assert.True((bool)JsonNode.Parse(Expect.Success(await node.RunAsync("verify", "--hsm", "--json")).Output)!["sound"]!);
            await load.DisposeAsync();
        }
    }

    /// <summary>Every event at every node, and again, each time in an order that is drawn.</summary>
    private static IEnumerable<(int Node, string What)> Weather()
    {
        var draws = new Draws("what happens to HSMs");
        return Enumerable.Range(0, 6).SelectMany(i => Events.OrderBy(_ => draws.Next(int.MaxValue)).Select(what => (i % 3, what)));
    }

    private static async Task<Realm> StartAsync()
    {
        Realm realm = await Realm.StartAsync(3, prepare: node => node.Reconfigure(c =>
        {
            ((JsonObject)c["hsm"]!)["deadline_ms"] = 2000;
            ((JsonObject)c["hsm"]!)["reseal_rate"] = 200;
        }));
        foreach (string expected in new[]
        {
            "the HSM process ", "the HSM failed", "waited too long for the HSM", "bringing records under a new seal key pauses",
            "destroyed key material stays in the write-ahead log for now",
        })
        {
            realm.Expected.Add(expected);
        }

        return realm;
    }

    private static Task HappenAsync(NodeProcess node, string what) => what switch
    {
        "killed" => ReplacedAsync(node, host => Done(host.Kill)),
        "stopped" => ReplacedAsync(node, host => Done(host.Stop)),
        "starved" => StarveAsync(node),
        "short of memory" => ReplacedAsync(node, LimitMemoryAsync),
        "token away" => TakeTokenAwayAsync(node),
        "keys rotated" => RotateAsync(node),
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
    };

    private static Task Done(Action act)
    {
        act();
        return Task.CompletedTask;
    }

    /// <summary>Has something happen to the HSM's process, and waits for the next one.</summary>
    private static async Task ReplacedAsync(NodeProcess node, Func<HsmHostProcess, Task> happen)
    {
        int starts = Starts(node);
        await happen(await HsmHostProcess.OfAsync(node));
        await StartedAsync(node, starts);
    }

    /// <summary>For four seconds it has one part in a hundred of the processor; the node may have had enough of it before.</summary>
    private static async Task StarveAsync(NodeProcess node)
    {
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        for (int spell = 0; spell < 10 && host.Exists; spell++)
        {
            host.Stop();
            await Task.Delay(TimeSpan.FromMilliseconds(400), TimeProvider.System);
            host.Continue();
            await Task.Delay(TimeSpan.FromMilliseconds(4), TimeProvider.System);
        }

        host.Continue();
    }

    /// <summary>It gets no more than it has; it is killed once that fails it, at the latest here.</summary>
    private static async Task LimitMemoryAsync(HsmHostProcess host)
    {
        Expect.Success(await ChildProcess.RunAsync("prlimit", ["--pid", host.Id.ToString(CultureInfo.InvariantCulture), "--as=1048576"]));
        for (int looks = 0; looks < 50 && host.Exists; looks++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        host.Kill();
    }

    private static async Task TakeTokenAwayAsync(NodeProcess node)
    {
        int starts = Starts(node);
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        string tokens = Path.Combine(node.Folder, "tokens");
        Directory.Move(tokens, tokens + ".away");
        await host.GoneAsync();
        Directory.Move(tokens + ".away", tokens);
        await StartedAsync(node, starts);
    }

    private static async Task RotateAsync(NodeProcess node)
    {
        string seal = "";
        foreach (string purpose in (string[])["seal", "wrap", "audit"])
        {
            string label = (string)JsonNode.Parse(Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", purpose, "--json")).Output)!["label"]!;
            seal = purpose == "seal" ? label : seal;
        }

        Expect.Success(await node.RunAsync("keys", "reseal"));
        await node.Process.Output.UntilAsync(said => said.Contains($"own secrets were brought under {seal}", StringComparison.Ordinal));
    }

    private static int Starts(NodeProcess node) => node.Logs.Split("is ready after").Length;

    private static async Task StartedAsync(NodeProcess node, int before)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        while (Starts(node) <= before)
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }
}
