using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary>Waits for what goes on after a recovery, but not for ever: the key is there already.</summary>
internal static class SettlementWait
{
    /// <summary>The longest wait.</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>The report, or null when it has not come in time.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal static async Task<SettlementReport?> AwaitAsync(Task<SettlementReport> settlement, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            return await settlement.WaitAsync(Longest, time, cancellation);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }
}
