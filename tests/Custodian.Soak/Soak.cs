using Custodian.EndToEnd.Tests.Harness;
using Custodian.Testing;

namespace Custodian.Soak;

/// <summary>How a soak is made.</summary>
/// <param name="Nodes">How many nodes.</param>
/// <param name="Threshold">How many of them give a key back.</param>
/// <param name="Length">How long in all, the verification at the end included.</param>
internal sealed record SoakOptions(int Nodes, int Threshold, TimeSpan Length);

/// <summary>
/// Wave after wave of new people at one realm in bad weather; when it is over, every key that was ever promised is asked for again.
/// </summary>
internal sealed class Soak(SoakOptions options, TimeProvider time, TextWriter progress)
{
    private const int SubjectsOfAWave = 40;
    private const int OperationsOfAWave = 4 * SubjectsOfAWave;
    private const int Workers = 24;

    /// <summary>The share of the time that is kept for the verification.</summary>
    private const double Verification = 0.15;

    private readonly long _started = time.GetTimestamp();
    private readonly List<Traffic> _waves = [];

    private TimeSpan Elapsed => time.GetElapsedTime(_started);

    /// <summary>Runs it, and writes the summary.</summary>
    /// <returns>The exit status: 0 when nothing was lost and nothing was wrong.</returns>
    internal async Task<int> RunAsync(TextWriter summary, CancellationToken cancellation)
    {
        progress.WriteLine(
            $"seed {Effort.Seed}: {options.Threshold} of {options.Nodes} nodes, {options.Length.TotalSeconds:0} s, starting the nodes");
        await using Realm realm = await Realm.StartAsync(options.Nodes, options.Threshold, proxied: true);

        // What the nodes complain of is part of the summary.
        realm.Expected.Add("");
        Weather weather = await WeatherAsync(realm, cancellation);
        progress.WriteLine($"{Elapsed.TotalSeconds,5:0} s  fair weather: asking for every key that was promised");
        TrafficReport kept = await VerifyAsync();
        var report = new SoakSummary(new TrafficReport([.. _waves.SelectMany(w => w.Report.Results)]), kept, weather.Faults, Elapsed)
        {
            Least = SoakSummary.LeastIn(options.Length),
            Promised = _waves.Sum(w => w.Subjects.Count(s => s.IsPromised)),
            Complaints = [.. realm.Nodes.SelectMany(n => n.Complaints)],
        };
        report.Write(summary);
        return report.IsSound ? 0 : 1;
    }

    private async Task<Weather> WeatherAsync(Realm realm, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var limit = new CancellationTokenSource(options.Length * (1 - Verification), time);
        using CancellationTokenRegistration end = limit.Token.Register(over.Cancel);
        var weather = new Weather(realm, options.Nodes - options.Threshold, time);
        Task storm = weather.RunAsync(over.Token);
        while (!over.IsCancellationRequested)
        {
            var wave = new Traffic(realm, OptionsOf(_waves.Count));
            _waves.Add(wave);
            await wave.RunAsync(OperationsOfAWave, over.Token);
            Tell(wave.Report, weather);
        }

        await storm;
        return weather;
    }

    /// <summary>
    /// Three waves of four enrol where not all nodes are there to store; the fourth insists, and is refused most of the time. Every second
    /// one changes secrets.
    /// </summary>
    private static TrafficOptions OptionsOf(int wave) => new()
    {
        Subjects = SubjectsOfAWave,
        Workers = Workers,
        Cycle = [TrafficOperation.Recover, wave % 2 == 0 ? TrafficOperation.ChangeSecret : TrafficOperation.Check, TrafficOperation.Recover],
        Client = client =>
        {
            client.AttemptTimeout = TimeSpan.FromSeconds(2);
            client.AllowPartialEnrolment = wave % 4 != 3;
        },
    };

    private async Task<TrafficReport> VerifyAsync()
    {
        List<TrafficResult> results = [];
        foreach (Traffic wave in _waves)
        {
            results.AddRange((await wave.VerifyAsync()).Results);
        }

        return new TrafficReport(results);
    }

    private void Tell(TrafficReport wave, Weather weather) => progress.WriteLine(
        $"{Elapsed.TotalSeconds,5:0} s  wave {_waves.Count}: {wave.Done} done, {wave.Refused} refused, {wave.Lost} lost, {wave.Wrong} wrong, "
        + $"{wave.Broken} broken; {weather.Faults.Values.Sum()} faults so far");
}
