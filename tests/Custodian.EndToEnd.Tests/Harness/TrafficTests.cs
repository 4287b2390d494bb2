using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>The traffic generator on three nodes, one of which dies in the middle.</summary>
public sealed class TrafficTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("Effort", "Long")]
    public async Task Traffic_NodeKilledAndRestarted_LosesNothingItWasPromised()
    {
        await using Realm realm = await Realm.StartAsync(3);

        // Whoever reads at that moment, on a busy machine for longer, has a deletion wait for its erasure.
        realm.Expected.Add("destroyed key material stays in the write-ahead log for now");
        var options = new TrafficOptions { Subjects = 20 };
        var traffic = new Traffic(realm, options);
        using var stop = new CancellationTokenSource();

        Task run = traffic.RunAsync(stop: stop.Token);
        await traffic.ReachedAsync(10);
        await using (await realm.Nodes[1].DownAsync())
        {
            await traffic.ReachedAsync(30);
        }

        await traffic.ReachedAsync(traffic.Report.Results.Count + (4 * options.Subjects));
        await stop.CancelAsync();
        await run;
        TrafficReport kept = await traffic.VerifyAsync();

        TrafficReport report = traffic.Report;
        string text = $"{report}\n{kept}";
        output.WriteLine(text);
        Assert.True(report is { Lost: 0, Wrong: 0, Broken: 0 } && kept is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 }, text);
        Assert.Equal(traffic.Subjects.Count(s => s.IsPromised), kept.Done);

        // A subject that was enrolling at the very moment of the kill may have to wait until its PENDING record gives way.
        Assert.True(report.Count(TrafficOperation.Enrol, TrafficOutcome.Done) >= options.Subjects - options.Workers, text);
        Assert.True(report.Count(TrafficOperation.Recover, TrafficOutcome.Done) >= options.Subjects, text);
        Assert.True(report.Count(TrafficOperation.ChangeSecret, TrafficOutcome.Done) >= options.Subjects / 2, text);
    }
}
