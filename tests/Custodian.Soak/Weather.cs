using System.Collections.Concurrent;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Testing;

namespace Custodian.Soak;

/// <summary>
/// Faults at random nodes, one after another and beside each other, each for a while. At most n - t nodes suffer at a time, so that there
/// are always enough to recover from; what an operation meets that needs all of them is another matter.
/// </summary>
internal sealed class Weather(Realm realm, int mostAtOnce, TimeProvider time)
{
    private readonly Draws _draws = new("weather");
    private readonly ConcurrentDictionary<string, int> _faults = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<int, bool> _suffering = [];

    /// <summary>How often each fault was brought about so far.</summary>
    internal IReadOnlyDictionary<string, int> Faults => _faults;

    /// <summary>Makes weather until it is over; every node is well again when this returns.</summary>
    internal Task RunAsync(CancellationToken over) => Task.WhenAll(Enumerable.Range(0, mostAtOnce).Select(_ => FrontAsync(over)));

    private async Task FrontAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await PauseAsync(_draws.Between(500, 4000), over);
            int at = _draws.Next(realm.Nodes.Count);
            if (_suffering.TryAdd(at, true))
            {
                await SufferAsync(realm.Nodes[at], realm.Proxies[at], over);
                _suffering.TryRemove(at, out _);
            }
        }
    }

    private async Task SufferAsync(NodeProcess node, FaultProxy line, CancellationToken over)
    {
        (string name, Func<Task<IAsyncDisposable>> begin) = _draws.Pick(Choices(node, line));
        _faults.AddOrUpdate(name, 1, (_, times) => times + 1);
        await using (await begin())
        {
            await PauseAsync(_draws.Between(100, 3000), over);
        }
    }

    private (string Name, Func<Task<IAsyncDisposable>> Begin)[] Choices(NodeProcess node, FaultProxy line) =>
    [
        ("killed and restarted", node.DownAsync),
        ("stopped and continued", () => Task.FromResult(node.Paused())),
        ("refusing connections", line.RefuseAsync),
        ("slow", During(line, new LineFaults { Latency = TimeSpan.FromMilliseconds(_draws.Between(20, 400)) })),
        ("throttled", During(line, new LineFaults { BytesPerSecond = _draws.Between(500, 20_000) })),
        ("stalled", During(line, LineFaults.Stalled)),
        ("losing replies", During(line, LineFaults.RepliesLost)),
        ("cut", At(line.Cut)),
        ("reset", At(line.Reset)),
        ("half open", At(line.HoldHalfOpen)),
    ];

    private static Func<Task<IAsyncDisposable>> During(FaultProxy line, LineFaults faults) =>
        () => Task.FromResult<IAsyncDisposable>(new Ending(line.With(faults).Dispose));

    private static Func<Task<IAsyncDisposable>> At(Action moment) => () =>
    {
        moment();
        return Task.FromResult<IAsyncDisposable>(new Ending(() => { }));
    };

    private async Task PauseAsync(int milliseconds, CancellationToken over)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), time, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private sealed class Ending(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }
}
