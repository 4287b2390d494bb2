using Custodian.Cli.Commands;
using Custodian.Cli.Reporting;

namespace Custodian.Client.Tests.Cli;

public sealed class SettlementWaitTests
{
    [Fact]
    public async Task AwaitAsync_NotSettledInTime_GivesUpAndSaysSo()
    {
        using Console console = new();
        TaskCompletionSource<SettlementReport> never = new();

        SettlementReport? report = await SettlementWait.AwaitAsync(never.Task, new TimeIsUp(), default);
        RecoveryReport.Settled(new Reporter(console.Surroundings(), json: false, quiet: true), report);

        Assert.Null(report);
        Assert.StartsWith("custody: warning: some nodes are slow", console.Messages, StringComparison.Ordinal);
    }

    /// <summary>A clock whose timers have all run out.</summary>
    private sealed class TimeIsUp : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
