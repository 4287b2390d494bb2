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
    private readonly ConcurrentDictionary<NodeProcess, bool> _suffering = [];

    /// <summary>How often each fault was brought about so far.</summary>
    internal IReadOnlyDictionary<string, int> Faults => _faults;

    /// <summary>Makes weather until it is over; every node is well again when this returns.</summary>
    internal Task RunAsync(CancellationToken over) => Task.WhenAll(Enumerable.Range(0, mostAtOnce).Select(_ => FrontAsync(over)));

    private async Task FrontAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await PauseAsync(_draws.Between(50, 1500), over);
            NodeProcess node = _draws.Pick(realm.Nodes);
            if (_suffering.TryAdd(node, true))
            {
                await SufferAsync(node, over);
                _suffering.TryRemove(node, out _);
            }
        }
    }

    private async Task SufferAsync(NodeProcess node, CancellationToken over)
    {
        (string name, Func<Task<IAsyncDisposable>> begin) = _draws.Pick(Choices(node));
        _faults.AddOrUpdate(name, 1, (_, times) => times + 1);
        await using (await begin())
        {
            await PauseAsync(_draws.Between(100, 3000), over);
        }
    }

    private static (string Name, Func<Task<IAsyncDisposable>> Begin)[] Choices(NodeProcess node) =>
    [
        ("killed and restarted", node.DownAsync),
        ("stopped and continued", () => Task.FromResult(node.Paused())),
    ];

    private async Task PauseAsync(int milliseconds, CancellationToken over)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), time, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
