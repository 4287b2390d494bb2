using Custodian.Protocol;

namespace Custodian.Client.Tests;

/// <summary>Attempts that someone else made are reported before they are erased, and a client's own are not (protocol.md section 14).</summary>
public sealed class ForeignAttemptsTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    [Fact]
    public async Task RecoverAtOnce_AttemptsMadeOnAnotherDevice_ReportsThoseOfTheNodesThatAnsweredAndThenOfTheLate()
    {
        await using ScriptedSet set = await GuessedAtAsync(guesses: 2);
        TaskCompletionSource released = new();
        foreach (ScriptedNode late in set.Nodes.Skip(3))
        {
            late.Script.Before = (method, cancellation) => method switch
            {
                "Describe" => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation),
                "Evaluate" => released.Task,
                _ => Task.CompletedTask,
            };
        }

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");
        released.SetResult();
        SettlementReport settled = await recovered.Settlement;

        Assert.Equal(set.Nodes.Take(3).ToDictionary(n => n.Id, _ => 2), recovered.ForeignAttempts);
        Assert.Equal(set.Nodes.ToDictionary(n => n.Id, _ => 2), settled.ForeignAttempts);
        Assert.Equal(5, settled.Confirmed.Length);
    }

    [Fact]
    public async Task Check_AttemptsMadeOnAnotherDevice_ReportsThoseOfEveryNode()
    {
        await using ScriptedSet set = await GuessedAtAsync(guesses: 1);

        CheckResult check = await set.NewClient().CheckAsync("secret");

        Assert.Equal(set.Nodes.ToDictionary(n => n.Id, _ => 1), check.ForeignAttempts);
    }

    [Fact]
    public async Task ChangeSecret_AttemptsMadeOnAnotherDevice_ReportsThoseOfEveryNode()
    {
        await using ScriptedSet set = await GuessedAtAsync(guesses: 1);

        using EnrollResult changed = await set.NewClient().ChangeSecretAsync("secret", "new secret");

        Assert.Equal(set.Nodes.ToDictionary(n => n.Id, _ => 1), changed.ForeignAttempts);
    }

    [Theory]
    [InlineData(RefusalReason.Overloaded)]
    [InlineData(RefusalReason.HsmUnavailable)]
    [InlineData(RefusalReason.TokenRejected)]
    public async Task Recover_OwnAnswersWereLostAndTheResendsRefused_DoesNotTakeThemForForeign(RefusalReason reason)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        await set.EnrolAsync(Key, "secret");
        CustodianClient mine = set.NewClient();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.LosesAnswer = method => method == "Evaluate";
            node.Script.Before = (method, _) => method == "Evaluate" && node.Script.Count(method) > 1
                ? throw RefusedCall.Because(reason)
                : Task.CompletedTask;
        }

        await Assert.ThrowsAnyAsync<CustodyException>(() => mine.RecoverAsync("secret"));
        foreach (ScriptedNode node in set.Nodes)
        {
            Assert.True(node.Script.Count("Evaluate") > 1, "nothing was sent again");
            (node.Script.LosesAnswer, node.Script.Before) = (_ => false, (_, _) => Task.CompletedTask);
        }

        AccountDescription account = await mine.DescribeAsync();
        Assert.Equal(9, account.AttemptsLeft);
        Assert.Empty(account.ForeignAttempts);
        using RecoverResult recovered = await mine.RecoverAsync("secret");
        Assert.Empty((await recovered.Settlement).ForeignAttempts);
    }

    [Fact]
    public async Task Recover_AgainBeforeASlowNodeHasSettled_DoesNotTakeTheSecondForForeign()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        await set.EnrolAsync(Key, "secret");
        TaskCompletionSource[] released = [new(), new()];
        TaskCompletionSource confirming = new();
        NodeScript slow = set[2].Script;
        slow.Before = (method, _) => method switch
        {
            "Evaluate" => released[slow.Count(method) - 1].Task,
            "Confirm" when slow.Count(method) == 2 => confirming.Task,
            _ => Task.CompletedTask,
        };
        CustodianClient client = set.NewClient();

        using RecoverResult first = await client.RecoverAsync("secret");
        await Called(slow, "Evaluate", 1);
        using RecoverResult second = await client.RecoverAsync("secret");
        await Called(slow, "Evaluate", 2);
        released[0].SetResult();
        await first.Settlement;
        released[1].SetResult();
        await Called(slow, "Confirm", 2);
        AccountDescription charged = await client.DescribeAsync();
        confirming.SetResult();
        SettlementReport settled = await second.Settlement;

        Assert.Equal(9, Assert.Single(charged.AtNodes[set[2].Id]).AttemptsLeft);
        Assert.DoesNotContain(set[2].Id, charged.ForeignAttempts.Keys);
        Assert.Empty(second.ForeignAttempts);
        Assert.Empty(settled.ForeignAttempts);
        Assert.Contains(set[2].Id, settled.Confirmed);
    }

    [Fact]
    public async Task Describe_AConfirmComesBetweenTheReadingAndItsAnswer_DoesNotTakeTheClientsOwnForForeign()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient();
        TaskCompletionSource confirming = new(), answering = new();
        NodeScript slow = set[2].Script;
        slow.Before = (method, _) => method == "Confirm" ? confirming.Task : Task.CompletedTask;
        using RecoverResult recovered = await client.RecoverAsync("secret");
        await Called(slow, "Confirm", 1);
        TaskCompletionSource read = new();
        slow.After = method =>
        {
            read.TrySetResult();
            return method == "Describe" ? answering.Task : Task.CompletedTask;
        };

        Task<AccountDescription> describing = client.DescribeAsync();
        await read.Task;
        confirming.SetResult();
        await recovered.Settlement;
        answering.SetResult();
        AccountDescription account = await describing;

        Assert.Equal(9, Assert.Single(account.AtNodes[set[2].Id]).AttemptsLeft);
        Assert.Empty(account.ForeignAttempts);
    }

    private static async Task Called(NodeScript script, string method, int times)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(60), TimeProvider.System);
        using PeriodicTimer poll = new(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        while (script.Count(method) < times)
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    private static async Task<ScriptedSet> GuessedAtAsync(int guesses)
    {
        ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "secret");
        CustodianClient thief = set.NewClient();
        for (int i = 0; i < guesses; i++)
        {
            await Assert.ThrowsAsync<WrongSecretException>(() => thief.RecoverAsync("guess"));
        }

        return set;
    }
}
