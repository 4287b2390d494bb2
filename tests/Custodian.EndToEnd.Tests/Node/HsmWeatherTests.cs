using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>
/// Everything that a machine room does to an HSM, at one node after another under people who enrol and recover: killed, stopped, and
/// without its token for a while.
/// </summary>
public sealed class HsmWeatherTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("Effort", "Long")]
    public async Task Traffic_HsmsKilledStoppedAndWithoutTokens_LosesNothingAndRestartsNoNode()
    {
        await using Realm realm = await StartAsync();
        var traffic = new Traffic(realm, new TrafficOptions { Subjects = 10 });
        using var stop = new CancellationTokenSource();
        Task run = traffic.RunAsync(stop: stop.Token);
        await traffic.ReachedAsync(5);

        for (int round = 0; round < Effort.Times(1, 5); round++)
        {
            foreach (NodeProcess node in realm.Nodes)
            {
                await HappenAsync(node, traffic);
            }
        }

        await traffic.ReachedAsync(traffic.Report.Results.Count + 20);
        await stop.CancelAsync();
        await run;
        TrafficReport kept = await traffic.VerifyAsync();

        string text = $"{traffic.Report}\n{kept}";
        output.WriteLine(text);
        Assert.True(traffic.Report is { Lost: 0, Wrong: 0, Broken: 0 }, text);
        Assert.True(kept is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 }, text);
        Assert.Equal(traffic.Subjects.Count(s => s.IsPromised), kept.Done);
        Assert.All(realm.Nodes, node => Assert.False(node.Process.HasExited));
    }

    private static async Task<Realm> StartAsync()
    {
        Realm realm = await Realm.StartAsync(3);
        foreach (string expected in new[] { "the HSM process ", "the HSM failed", "waited too long for the HSM" })
        {
            realm.Expected.Add(expected);
        }

        foreach (NodeProcess node in realm.Nodes)
        {
            node.Reconfigure(c => ((JsonObject)c["hsm"]!)["deadline_ms"] = 2000);
            await node.StopAsync();
            await node.StartAsync();
        }

        return realm;
    }

    private static async Task HappenAsync(NodeProcess node, Traffic traffic)
    {
        int starts = Starts(node);
        (await HsmHostProcess.OfAsync(node)).Kill();
        await StartedAsync(node, starts);
        await traffic.ReachedAsync(traffic.Report.Results.Count + 4);

        starts = Starts(node);
        (await HsmHostProcess.OfAsync(node)).Stop();
        await StartedAsync(node, starts);
        await traffic.ReachedAsync(traffic.Report.Results.Count + 4);

        starts = Starts(node);
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        string tokens = Path.Combine(node.Folder, "tokens");
        Directory.Move(tokens, tokens + ".away");
        await host.GoneAsync();
        Directory.Move(tokens + ".away", tokens);
        await StartedAsync(node, starts);
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
