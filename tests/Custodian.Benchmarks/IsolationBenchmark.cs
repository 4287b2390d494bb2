using System.Diagnostics;
using System.Globalization;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Benchmarks;

/// <summary>
/// Operations through the HSM's process against the bare module in this one, on the same token with the same number of sessions: how many
/// a second with all sessions busy, and how long one takes alone. Each goes first in every other round, so that the machine's noise falls
/// on both, and a ratio is the middle one of those of the rounds.
/// </summary>
internal static class IsolationBenchmark
{
    /// <summary>How much of the bare module's throughput is to come through the process.</summary>
    private const double Least = 0.85;

    private const int DefaultSessions = 4;
    private const int DefaultRounds = 15;
    private const int CallersPerSession = 16;
    private const int WarmUp = 2;
    private const int Alone = 50;

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(200);

    /// <returns>The exit status: 1 when less comes through the process than is to.</returns>
    internal static int Run(string[] arguments)
    {
        int sessions = Number(arguments, 0, DefaultSessions);
        int rounds = Number(arguments, 1, DefaultRounds);
        return RunAsync(sessions, rounds).GetAwaiter().GetResult() ? 0 : 1;
    }

    private static int Number(string[] arguments, int at, int otherwise) =>
        arguments.Length > at ? int.Parse(arguments[at], CultureInfo.InvariantCulture) : otherwise;

    private static async Task<bool> RunAsync(int sessions, int rounds)
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await node.StopAsync();
        using var bare = new BareHsm(node, sessions);
        using var pin = new HsmPin(File.ReadAllBytes(Path.Combine(node.Folder, "pin")));
        var options = new Pkcs11HsmOptions { ModulePath = NodeProcess.SoftHsm, TokenLabel = "custodian", Pin = pin, Sessions = sessions };
        await using IsolatedHsm apart = await IsolatedHsm.OpenAsync(options, Isolation(node), CancellationToken.None);
        await apart.RefreshKeysAsync(apart.Keys.Fit);
        HsmWork work = await HsmWork.PrepareAsync(apart);
        Console.WriteLine($"| {sessions} sessions | bare module, 1/s | apart, 1/s | ratio | bare alone, µs p50 | apart alone, µs p50 | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        bool isEnough = true;
        foreach (string operation in HsmWork.Operations)
        {
            isEnough &= await MeasureAsync(operation, bare, work, rounds) >= Least;
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"through the process {(isEnough ? "goes" : "does not go")} at least {Least:P0} of the bare module's throughput"));
        return isEnough;
    }

    private static IsolationOptions Isolation(NodeProcess node) => new()
    {
        Program = new HostProgram(Programs.Custodian, [HsmHost.Command]) { Environment = node.Environment.ToDictionary(e => e.Key, e => (string?)e.Value) },
        Deadline = TimeSpan.FromSeconds(60),
        Observer = happened => Console.Error.WriteLine(happened),
    };

    /// <returns>The ratio of the throughputs.</returns>
    private static async Task<double> MeasureAsync(string operation, BareHsm bare, HsmWork apart, int rounds)
    {
        Sample bareRate = new(), apartRate = new(), ratio = new(), bareAlone = new(), apartAlone = new();
        for (int round = -WarmUp; round < rounds; round++)
        {
            (double here, double there) = await RatesAsync(operation, bare, apart, bareFirst: round % 2 == 0);
            if (round < 0)
            {
                continue;
            }

            bareRate.Add(here);
            apartRate.Add(there);
            ratio.Add(there / here);
            for (int i = 0; i < Alone; i++)
            {
                bareAlone.Add(Clock.Time(() => bare.Do(0, operation)));
                apartAlone.Add(await Clock.TimeAsync(() => apart.DoAsync(operation)));
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {operation} | {bareRate.Median:0} | {apartRate.Median:0} | {ratio.Median:0.00} | {bareAlone.Median:0} | {apartAlone.Median:0} | {apartAlone.Median / bareAlone.Median:0.00} |"));
        return ratio.Median;
    }

    private static async Task<(double Bare, double Apart)> RatesAsync(string operation, BareHsm bare, HsmWork apart, bool bareFirst)
    {
        double there = bareFirst ? 0 : await RateAsync(operation, apart, bare.Sessions);
        double here = Rate(operation, bare);
        return (here, bareFirst ? await RateAsync(operation, apart, bare.Sessions) : there);
    }

    private static double Rate(string operation, BareHsm bare) => 1e6 / bare.Saturate(Round, session => bare.Do(session, operation)).Time;

    private static async Task<double> RateAsync(string operation, HsmWork apart, int sessions)
    {
        long start = Stopwatch.GetTimestamp();
        int[] done = await Task.WhenAll(Enumerable.Range(0, sessions * CallersPerSession).Select(_ => Task.Run(async () =>
        {
            int times = 0;
            for (; Stopwatch.GetElapsedTime(start) < Round; times++)
            {
                await apart.DoAsync(operation);
            }

            return times;
        })));
        return done.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
