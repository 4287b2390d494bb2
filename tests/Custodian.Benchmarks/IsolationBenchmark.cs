using System.Diagnostics;
using System.Globalization;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Benchmarks;

/// <summary>
/// Operations through the HSM's process against the same in this process, on the same token with the same number of sessions: how many
/// a second with all sessions busy, and how long one takes alone. In turn, so that the machine's noise falls on both.
/// </summary>
internal static class IsolationBenchmark
{
    private const int Sessions = 4;
    private const int Callers = 16;
    private const int Rounds = 15;
    private const int PerRound = 400;
    private const int Alone = 150;

    internal static int Run()
    {
        RunAsync().GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await node.StopAsync();
        BareHsm.UseToken(node);
        using var pin = new HsmPin(File.ReadAllBytes(Path.Combine(node.Folder, "pin")));
        var options = new Pkcs11HsmOptions { ModulePath = NodeProcess.SoftHsm, TokenLabel = "custodian", Pin = pin, Sessions = Sessions };
        await using Pkcs11Hsm within = await Pkcs11Hsm.OpenAsync(options, CancellationToken.None);
        await using IsolatedHsm apart = await IsolatedHsm.OpenAsync(options, Isolation(node), CancellationToken.None);
        await within.RefreshKeysAsync(within.Keys.Fit);
        await apart.RefreshKeysAsync(apart.Keys.Fit);
        var (here, there) = (await HsmWork.PrepareAsync(within), await HsmWork.PrepareAsync(apart));
        Console.WriteLine($"| operation | in process, 1/s | apart, 1/s | ratio | in process alone, µs p50 | apart alone, µs p50 | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (string operation in HsmWork.Operations)
        {
            await MeasureAsync(operation, here, there);
        }
    }

    private static IsolationOptions Isolation(NodeProcess node) => new()
    {
        Program = new HostProgram(Programs.Custodian, [HsmHost.Command]) { Environment = node.Environment.ToDictionary(e => e.Key, e => (string?)e.Value) },
        Deadline = TimeSpan.FromSeconds(60),
        Observer = happened => Console.WriteLine(happened),
    };

    private static async Task MeasureAsync(string operation, HsmWork here, HsmWork there)
    {
        Sample hereRate = new("in process"), thereRate = new("apart"), hereAlone = new("in process alone"), thereAlone = new("apart alone");
        for (int round = -2; round < Rounds; round++)
        {
            double[] rates = [await RateAsync(here, operation), await RateAsync(there, operation)];
            if (round >= 0)
            {
                hereRate.Add(rates[0]);
                thereRate.Add(rates[1]);
            }

            for (int i = 0; i < Alone && round >= 0; i++)
            {
                hereAlone.Add(await TimeAsync(here, operation));
                thereAlone.Add(await TimeAsync(there, operation));
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {operation} | {hereRate.Median:0} | {thereRate.Median:0} | {thereRate.Median / hereRate.Median:0.00} | {hereAlone.Median:0} | {thereAlone.Median:0} | {thereAlone.Median / hereAlone.Median:0.00} |"));
    }

    private static async Task<double> RateAsync(HsmWork work, string operation)
    {
        int left = PerRound;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                await work.DoAsync(operation);
            }
        })));
        return PerRound / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task<double> TimeAsync(HsmWork work, string operation)
    {
        long start = Stopwatch.GetTimestamp();
        await work.DoAsync(operation);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }
}
