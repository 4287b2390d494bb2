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
    /// <summary>How many cases there may be at a time.</summary>
    internal const int Places = 4;

    private readonly ConcurrentDictionary<string, CrashScript> _scripts = [];
    private readonly SemaphoreSlim _stepping = new(1, 1);
    private readonly SemaphoreSlim _places = new(Places, Places);
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

    /// <summary>Takes a place for a case; what it does then, no step of the clocks comes between.</summary>
    internal Task EnterAsync() => _places.WaitAsync();

    internal void Leave() => _places.Release();

    /// <summary>
    /// Lets so much time pass at all nodes at once: what a person would wait, a test need not. Called by a case, when all others have ended or
    /// wait here, too: between a Deposit and its Activate the record would expire, and a token would be of the wrong moment.
    /// </summary>
    internal async Task PassAsync(TimeSpan time)
    {
        Leave();
        await _stepping.WaitAsync();
        for (int i = 0; i < Places; i++)
        {
            await EnterAsync();
        }

        try
        {
            _ahead += time;
            await FakeClock.StepAsync(_clocks, _ahead);
            Realm.Issuer.Ahead = _ahead;
        }
        finally
        {
            _places.Release(Places);
            _stepping.Release();
        }

        await EnterAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _fronts.DisposeAsync();
        foreach (CrashScript script in _scripts.Values)
        {
            script.Dispose();
        }

        await Realm.DisposeAsync();
        _places.Dispose();
        _stepping.Dispose();
    }

    private Task<byte[]> PassAsync(int node, LyingCall call, Func<Task<byte[]>> next) =>
        _scripts[Subject(call)].PassAsync(node, call, next);

    private static string Subject(LyingCall call) => TokenClaims.Read(call.Headers.GetValue("authorization")!["Bearer ".Length..])!.Subject;
}
