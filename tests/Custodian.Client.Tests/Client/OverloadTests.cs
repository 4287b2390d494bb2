using Custodian.Protocol;

namespace Custodian.Client.Tests;

/// <summary>What the SDK does when a node is OVERLOADED and says when to come again.</summary>
public sealed class OverloadTests
{
    private static readonly TimeSpan Asked = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task Describe_NodeIsOverloaded_IsAskedAgainNotBeforeItSaid()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 1, threshold: 1);
        StoppedClock clock = new();
        OverloadedTimes(set[0], times: 1, Asked);
        Task<AccountDescription> described = Client(set, clock).DescribeAsync();

        TimeSpan wait = (await clock.TimersAsync(IsRetry))[0];
        clock.Advance(Asked - TimeSpan.FromMilliseconds(1));
        Assert.InRange(wait, Asked, Asked * 1.5 + TimeSpan.FromMilliseconds(10));
        Assert.Equal(1, set[0].Script.Count("Describe"));
        Assert.False(described.IsCompleted);
        clock.Advance(wait - Asked + TimeSpan.FromMilliseconds(1));

        Assert.Equal(NodeCondition.Answered, Assert.Single((await described).Nodes).Value.Condition);
        Assert.Equal(2, set[0].Script.Count("Describe"));
    }

    [Fact]
    public async Task Describe_AllNodesAskForTheSameWait_AreAskedAgainAtDifferentTimes()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 5, threshold: 3);
        StoppedClock clock = new();
        Assert.All(set.Nodes, node => OverloadedTimes(node, times: 1, Asked));
        Task<AccountDescription> described = Client(set, clock).DescribeAsync();

        IReadOnlyList<TimeSpan> waits = await clock.TimersAsync(IsRetry, count: 5);
        clock.Advance(Asked * 2);
        await described;

        Assert.InRange(waits.Distinct().Count(), 2, 5);
    }

    [Fact]
    public async Task Describe_NodeStaysOverloaded_IsAskedAsOftenAsTheOptionsSayAndReportedSo()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 1, threshold: 1);
        StoppedClock clock = new();
        OverloadedTimes(set[0], times: 100, Asked);
        Task<AccountDescription> described = Client(set, clock).DescribeAsync();
        for (int resend = 0; resend < 2; resend++)
        {
            clock.Advance((await clock.TimersAsync(IsRetry))[0]);
        }

        NodeOutcome outcome = Assert.Single((await described).Nodes).Value;

        Assert.Equal((NodeCondition.Refused, RefusalReason.Overloaded), (outcome.Condition, outcome.Refusal!.Reason));
        Assert.Equal(3, set[0].Script.Count("Describe"));
    }

    [Fact]
    public async Task Describe_NodeAsksForMoreThanAnOperationHas_IsNotAskedAgainAndTheWaitIsReported()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 1, threshold: 1);
        OverloadedTimes(set[0], times: 1, TimeSpan.FromSeconds(6));

        NodeOutcome outcome = Assert.Single((await set.NewClient().DescribeAsync()).Nodes).Value;

        Assert.Equal(TimeSpan.FromSeconds(6), outcome.Refusal!.RetryAfter);
        Assert.Equal(1, set[0].Script.Count("Describe"));
    }

    // Every other timer of the client is of half a minute or more, or of the connection's own.
    private static bool IsRetry(TimeSpan wait) => wait > TimeSpan.FromSeconds(1) && wait < TimeSpan.FromSeconds(20);

    private static CustodianClient Client(ScriptedSet set, StoppedClock clock) => set.NewClient(options => options.TimeProvider = clock);

    private static void OverloadedTimes(ScriptedNode node, int times, TimeSpan wait) => node.Script.Before = (method, _) =>
        node.Script.Count(method) <= times ? throw RefusedCall.Because(RefusalReason.Overloaded, wait) : Task.CompletedTask;
}
