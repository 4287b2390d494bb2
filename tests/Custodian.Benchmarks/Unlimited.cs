using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.Benchmarks;

/// <summary>Nodes as they are but for the rates they hold callers to: what is measured is how fast they can be.</summary>
internal static class Unlimited
{
    private static readonly string[] Settings =
        [.. from whose in new[] { "account", "address" } from what in new[] { "rate", "burst" } select $"limits:{whose}_{what}=1000000"];

    internal static Task StartAsync(NodeProcess node) => node.StartAsync(Settings);

    internal static async Task RestartAsync(NodeProcess node)
    {
        await node.StopAsync();
        await StartAsync(node);
    }
}
