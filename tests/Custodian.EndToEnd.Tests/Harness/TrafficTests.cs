using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>The traffic generator on three nodes, one of which dies in the middle.</summary>
public sealed class TrafficTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Traffic_NodeKilledAndRestarted_LosesNothingItWasPromised()
    {
        await using Realm realm = await Realm.StartAsync(3);
        var traffic = new Traffic(realm, new TrafficOptions { Subjects = 20 });

        Task run = traffic.RunAsync(operations: 120);
        await traffic.ReachedAsync(10);
        await using (await realm.Nodes[1].DownAsync())
        {
            await traffic.ReachedAsync(30);
        }

        await run;
        TrafficReport kept = await traffic.VerifyAsync();

        TrafficReport report = traffic.Report;
        string text = $"{report}\n{kept}";
        output.WriteLine(text);
        Assert.True(report is { Lost: 0, Wrong: 0, Broken: 0 } && kept is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 }, text);
        Assert.True(report.Count(TrafficOperation.Enrol, TrafficOutcome.Done) >= 15, text);
        Assert.True(report.Count(TrafficOperation.Recover, TrafficOutcome.Done) >= 10, text);
        Assert.True(report.Count(TrafficOperation.ChangeSecret, TrafficOutcome.Done) >= 5, text);
        Assert.Equal(traffic.Subjects.Count(s => s.IsPromised), kept.Done);
    }
}
