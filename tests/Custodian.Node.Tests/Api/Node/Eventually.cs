namespace Custodian.Node.Tests.Api.Node;

/// <summary>Waits for what the node does after its caller has its answer or has gone, and has nobody to tell of.</summary>
internal static class Eventually
{
    internal static Task HoldsAsync(Func<bool> holds) => HoldsAsync(() => Task.FromResult(holds()));

    internal static async Task HoldsAsync(Func<Task<bool>> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await holds())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }
}
