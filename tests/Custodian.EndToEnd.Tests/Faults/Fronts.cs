using Custodian.EndToEnd.Tests.Harness;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>A <see cref="LyingNode"/> in front of every node of a realm, for what is to happen at one certain call.</summary>
internal sealed class Fronts : IAsyncDisposable
{
    private readonly IReadOnlyList<LyingNode> _fronts;

    private Fronts(IReadOnlyList<LyingNode> fronts) => _fronts = fronts;

    internal LyingNode this[int node] => _fronts[node];

    /// <summary>Puts one in front of every node. Clients made from now on call them.</summary>
    internal static async Task<Fronts> StartAsync(Realm realm) =>
        new([.. await Task.WhenAll(realm.Nodes.Select(n => LyingNode.StartAsync(realm, n)))]);

    /// <summary>What a client sees of a node that is not there: no answer, and no reason.</summary>
    internal static RpcException Gone() => new(new Status(StatusCode.Unavailable, "gone"));

    internal void Each(Action<LyingNode> action)
    {
        foreach (LyingNode front in _fronts)
        {
            action(front);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (LyingNode front in _fronts)
        {
            await front.DisposeAsync();
        }
    }
}
