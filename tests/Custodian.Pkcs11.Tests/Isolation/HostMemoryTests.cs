using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;
using Xunit.Abstractions;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>SoftHSM keeps half a kilobyte of every key it unwrapped until it is finalised; recycling gives it back.</summary>
public sealed class HostMemoryTests(ITestOutputHelper output) : IAsyncLifetime, IDisposable
{
    private const int Callers = 8;

    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();
    private long evaluated;

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Evaluate_TwoHundredThousandTimesWithRecycling_MemoryOfNodeAndHostStaysFlat()
    {
        const int generations = 10;
        var each = Effort.Times(4000, 20_000);
        await using var hsm = await IsolatedHsm.OpenAsync(
            token.Options(sessions: 4),
            new IsolationOptions { Program = TestHosts.Sound(token), RecycleAfter = each, Observer = events.See },
            CancellationToken.None);
        var record = await KnownRecord.MakeAsync(hsm);
        using var stop = new CancellationTokenSource();
        var sampling = SampleAsync(stop.Token);

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => EvaluateAsync(hsm, record, generations * each, generations - 1)));
        await stop.CancelAsync();
        var samples = await sampling;

        // The first generations are this process's own warming up; the last is not at its end.
        var warm = samples.Where(s => s.Evaluated > 3 * each).ToList();
        var node = Slope(warm.Select(s => ((double)s.Evaluated, (double)s.Node)));
        var peaks = samples.GroupBy(s => s.HostId).Select(g => (double)g.Max(s => s.Host)).Skip(1).SkipLast(1).ToList();
        output.WriteLine($"the node grows by {node:0.0} bytes an evaluation; MiB: {string.Join(' ', samples.Select(s => s.Node >> 20))}");
        output.WriteLine($"peaks of the hosts, MiB: {string.Join(' ', peaks.Select(p => (long)p >> 20))}");
        Assert.Empty(events.Of<HostFailed>());
        Assert.InRange(events.Of<HostRecycled>().Count, generations - 1, generations);
        Assert.True(node < 64, $"the node grows by {node:0.0} bytes an evaluation");
        var growth = Slope(peaks.Select((peak, i) => ((double)i, peak))) / peaks.Average();
        Assert.True(growth < 0.02, $"hosts grow by {growth:P1} from one to the next");
    }

    /// <summary>Both processes once a second: the node after a collection, the host as it is.</summary>
    private async Task<List<Sample>> SampleAsync(CancellationToken stop)
    {
        var samples = new List<Sample>();
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1), TimeProvider.System);
        while (!stop.IsCancellationRequested)
        {
            await second.WaitForNextTickAsync(CancellationToken.None);
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            var host = events.Of<HostStarted>()[^1].ProcessId;
            samples.Add(new(Interlocked.Read(ref evaluated), ResidentMemory.Of(Environment.ProcessId), host, ResidentMemory.Of(host)));
        }
        return samples;
    }

    /// <summary>So many times by all callers together, and for as long as not so many hosts were replaced: a successor takes its time to start.</summary>
    private async Task EvaluateAsync(IsolatedHsm hsm, KnownRecord record, int times, int recycles)
    {
        while (Interlocked.Read(ref evaluated) < times || events.Of<HostRecycled>().Count < recycles)
        {
            await record.EvaluateAsync(hsm);
            Interlocked.Increment(ref evaluated);
        }
    }

    /// <summary>How much y grows with x, by least squares.</summary>
    private static double Slope(IEnumerable<(double X, double Y)> points)
    {
        var all = points.ToList();
        var (x, y) = (all.Average(p => p.X), all.Average(p => p.Y));
        return all.Sum(p => (p.X - x) * (p.Y - y)) / all.Sum(p => (p.X - x) * (p.X - x));
    }

    private readonly record struct Sample(long Evaluated, long Node, int HostId, long Host);
}
