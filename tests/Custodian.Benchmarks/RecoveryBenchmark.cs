using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.Benchmarks;

/// <summary>
/// From the secret to the key with five nodes at round trips of their own, which the proxies in front of them make, against the third
/// shortest of these and Argon2id, measured in turn. And with the two farthest nodes hung, against the same with all in health.
/// </summary>
internal static class RecoveryBenchmark
{
    private const int Rounds = 15;
    private const int Third = 2;
    private const string Secret = "correct horse battery staple";

    private static readonly int[] RoundTrips = [20, 80, 120, 160, 240];

    internal static IEnumerable<Row> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IEnumerable<Row>> RunAsync()
    {
        string where = $"five nodes at {string.Join(", ", RoundTrips)} ms";
        var typed = new Comparison("recover, from the secret to the key", "ms", where, "third shortest round trip + Argon2id") { Within = 25 };
        var hung = new Comparison("the same, two nodes hung", "ms", "the farthest two never answer", "all five do", Reach: 1.05);
        var nothing = new Comparison("recover from nothing", "ms", $"{where}, TCP's own handshake not delayed", "three such round trips + Argon2id")
        {
            Within = 40,
        };
        await using Realm realm = await Realm.StartAsync(5, proxied: true);
        string subject = realm.NewSubject();
        await using (CustodianClient device = Device(realm, subject))
        {
            using EnrollResult enrolled = await device.EnrollAsync(new byte[64], Secret);
        }

        foreach ((FaultProxy proxy, int milliseconds) in realm.Proxies.Zip(RoundTrips))
        {
            proxy.Faults = new LineFaults { Latency = TimeSpan.FromMilliseconds(milliseconds / 2.0) };
        }

        using RawCaller third = realm.CallerFor(realm.Nodes[Third], subject);
        for (int round = -2; round < Rounds; round++)
        {
            double trip = await RoundTripAsync(realm, third), argon2id = Clock.Time(Stretch) / 1000;
            double healthy = await TypedAsync(realm, subject, hung: false), without = await TypedAsync(realm, subject, hung: true);
            double fresh = await FromNothingAsync(realm, subject);
            if (round < 0)
            {
                continue;
            }

            typed.Add(healthy, trip + argon2id);
            hung.Add(without, healthy);
            nothing.Add(fresh, (3 * trip) + argon2id);
        }

        return [typed, hung, nothing];
    }

    private static async Task<double> TypedAsync(Realm realm, string subject, bool hung)
    {
        await using CustodianClient device = Device(realm, subject);
        using RecoverySession session = await device.PrepareRecoveryAsync();
        IDisposable[] stalls = [.. hung ? realm.Proxies.Skip(Third + 1).Select(proxy => proxy.With(LineFaults.Stalled)) : []];
        RecoverResult? recovered = null;
        double took = await Clock.TimeAsync(async () => recovered = await session.RecoverAsync(Secret));
        Array.ForEach(stalls, s => s.Dispose());
        await SettleAsync(recovered!);
        return took / 1000;
    }

    private static async Task<double> FromNothingAsync(Realm realm, string subject)
    {
        await using CustodianClient device = Device(realm, subject);
        RecoverResult? recovered = null;
        double took = await Clock.TimeAsync(async () => recovered = await device.RecoverAsync(Secret));
        await SettleAsync(recovered!);
        return took / 1000;
    }

    /// <summary>An attempt that is not given back would be missing in the end.</summary>
    private static async Task SettleAsync(RecoverResult recovered)
    {
        using RecoverResult mine = recovered;
        await mine.Settlement;
    }

    private static async Task<double> RoundTripAsync(Realm realm, RawCaller node) => await Clock.TimeAsync(
        async () => await node.Client.DescribeAsync(new DescribeRequest { SetId = realm.SetId }, node.Headers)) / 1000;

    private static void Stretch()
    {
        StretchingCost cost = StretchingCost.Default;
        Argon2id.Derive(new byte[28], new byte[16], cost.MemoryKib, cost.Iterations, cost.Parallelism, new byte[32]);
    }

    private static CustodianClient Device(Realm realm, string subject) => realm.Client(subject, o => o.Stretching = StretchingCost.Default);
}
