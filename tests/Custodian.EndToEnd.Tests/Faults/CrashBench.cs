using System.Collections.Concurrent;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>Three real nodes, two of which recover, with clocks of their own, and in front of each what lets calls pass or not.</summary>
[CollectionDefinition(Collection)]
public sealed class ThreeNodesThatCrash : IAsyncLifetime, ICollectionFixture<ThreeNodesThatCrash>
{
    /// <summary>The collection of the tests that share them.</summary>
    public const string Collection = "three nodes that crash";

    internal CrashBench Bench { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync() => Bench = await CrashBench.StartAsync(3, 2);

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Bench.DisposeAsync();
}

/// <summary>A realm for crashes: many subjects at a time, each with a <see cref="CrashScript"/> of its own.</summary>
internal sealed class CrashBench : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, CrashScript> _scripts = [];
    private readonly Lock _stepping = new();
    private readonly List<FakeClock> _clocks;
    private readonly Fronts _fronts;
    private TimeSpan _ahead;

    private CrashBench(Realm realm, List<FakeClock> clocks, Fronts fronts) => (Realm, _clocks, _fronts) = (realm, clocks, fronts);

    internal Realm Realm { get; }

    internal static async Task<CrashBench> StartAsync(int nodes, int threshold)
    {
        List<FakeClock> clocks = [];
        Realm realm = await Realm.StartAsync(nodes, threshold, prepare: node => clocks.Add(FakeClock.For(node)));

        // Kestrel's word for a machine that has no time for it, which many clients and nodes on one bring about.
        realm.Expected.Add("the heartbeat has been running for");
        var bench = new CrashBench(realm, clocks, await Fronts.StartAsync(realm));
        for (int i = 0; i < nodes; i++)
        {
            int node = i;
            bench._fronts[i].Add((call, next) => bench.PassAsync(node, call, next));
        }

        return bench;
    }

    /// <summary>A new subject and its script.</summary>
    internal (string Subject, CrashScript Script) NewSubject()
    {
        string subject = Realm.NewSubject();
        return (subject, _scripts[subject] = new CrashScript());
    }

    /// <summary>Lets so much time pass at all nodes at once: what a person would wait, a test need not.</summary>
    internal async Task PassAsync(TimeSpan time)
    {
        Task stepped;
        lock (_stepping)
        {
            _ahead += time;
            stepped = FakeClock.StepAsync(_clocks, _ahead);
        }

        await stepped;
        lock (_stepping)
        {
            // Tokens follow the nodes: one of a moment ago is still good, one of a moment to come is not.
            Realm.Issuer.Ahead = _ahead;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _fronts.DisposeAsync();
        foreach (CrashScript script in _scripts.Values)
        {
            script.Dispose();
        }

        await Realm.DisposeAsync();
    }

    private Task<byte[]> PassAsync(int node, LyingCall call, Func<Task<byte[]>> next) =>
        _scripts[Subject(call)].PassAsync(node, call, next);

    private static string Subject(LyingCall call) => TokenClaims.Read(call.Headers.GetValue("authorization")!["Bearer ".Length..])!.Subject;
}
