using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>What recoveries cost, who is told of it, and how a secret that is wrong too often is locked.</summary>
public sealed class RecoverAttemptsTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    [Theory]
    [InlineData(RefusalReason.HsmUnavailable)]
    [InlineData(RefusalReason.Overloaded)]
    [InlineData(RefusalReason.Delayed)]
    public async Task Recover_OwnAttemptsWereRefusedAndSomeoneElseTried_CountsThose(RefusalReason reason)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "secret");
        CustodianClient mine = set.NewClient(o => o.MaxRetries = 0);
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Refuse(RefusedCall.Because(reason), "Evaluate");
        }

        await Assert.ThrowsAnyAsync<CustodyException>(() => mine.RecoverAsync("secret"));
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (_, _) => Task.CompletedTask;
        }

        await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("guess"));
        using RecoverResult recovered = await mine.RecoverAsync("secret");

        await recovered.Settlement;
        Assert.NotEmpty(recovered.ForeignAttempts);
        Assert.All(recovered.ForeignAttempts.Values, attempts => Assert.Equal(1, attempts));
    }

    [Fact]
    public async Task Recover_WrongSecret_CountsTheAttemptsAndSaysThatItIsCertain()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient();

        WrongSecretException first = await Assert.ThrowsAsync<WrongSecretException>(() => client.RecoverAsync("guess"));
        WrongSecretException second = await Assert.ThrowsAsync<WrongSecretException>(() => client.RecoverAsync("guess"));

        Assert.Equal((9, 8), (first.AttemptsLeft, second.AttemptsLeft));
        Assert.True(first.IsCertain);
        Assert.Equal(TimeSpan.Zero, first.Delay);
    }

    [Fact]
    public async Task Recover_AfterWrongSecrets_GivesTheAttemptsBackAndSeesNoForeignOnes()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        using RecoverySession session = await set.NewClient().PrepareRecoveryAsync();
        await Assert.ThrowsAsync<WrongSecretException>(() => session.RecoverAsync("guess"));
        int leftAfterGuess = session.AttemptsLeft;

        using RecoverResult recovered = await session.RecoverAsync("secret");

        await recovered.Settlement;
        Assert.Equal(9, leftAfterGuess);
        Assert.Empty(recovered.ForeignAttempts);
        Assert.All(Enumerable.Range(0, 5), i => Assert.Equal(0U, set.At(i).In(Wire.RecordState.Active)!.Used));
    }

    [Fact]
    public async Task Recover_WrongSecretAndTwoNodesGone_SaysThatANodeMayBeFaulty()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        await set[0].StopAsync();
        await set[1].StopAsync();

        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("guess"));

        Assert.False(wrong.IsCertain);
        Assert.Equal(9, wrong.AttemptsLeft);
    }

    [Fact]
    public async Task Recover_AttemptsMadeOnAnotherDevice_ReportsThemBeforeTheyAreErased()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "secret");
        CustodianClient thief = set.NewClient();
        await Assert.ThrowsAsync<WrongSecretException>(() => thief.RecoverAsync("guess 1"));
        await Assert.ThrowsAsync<WrongSecretException>(() => thief.RecoverAsync("guess 2"));

        CustodianClient owner = set.NewClient();
        AccountDescription described = await owner.DescribeAsync();
        using RecoverySession session = await owner.PrepareRecoveryAsync();
        using RecoverResult recovered = await session.RecoverAsync("secret");
        await recovered.Settlement;
        using RecoverResult again = await owner.RecoverAsync("secret");

        Assert.Equal(set.Nodes.ToDictionary(n => n.Id, _ => 2), recovered.ForeignAttempts);
        Assert.Equal(recovered.ForeignAttempts, described.ForeignAttempts);
        Assert.Empty(again.ForeignAttempts);
    }

    [Fact]
    public async Task Recover_DelayRuns_IsLockedUntilThenAndSendsNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Rules.Delay = used => used >= 1 ? TimeSpan.FromSeconds(30) : TimeSpan.Zero;
        }

        CustodianClient client = set.NewClient();
        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => client.RecoverAsync("guess"));
        LockedException locked = await Assert.ThrowsAsync<LockedException>(() => client.RecoverAsync("secret"));

        Assert.Equal(TimeSpan.FromSeconds(30), wrong.Delay);
        Assert.Equal(TimeSpan.FromSeconds(30), locked.Delay);
        Assert.False(locked.IsExhausted);
        Assert.Equal(9, locked.AttemptsLeft);
        Assert.All(set.Nodes, n => Assert.Equal(1, n.Script.Count("Evaluate")));
    }

    [Fact]
    public async Task Recover_WrongSecretBringsADelayAndOneNodeHangs_SaysSoWithoutWaitingForIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        set[4].Script.Hang("Describe", "Evaluate");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Rules.Delay = used => used >= 1 ? TimeSpan.FromSeconds(30) : TimeSpan.Zero;
        }

        CustodianClient client = set.NewClient(options =>
        {
            options.AttemptTimeout = TimeSpan.FromHours(1);
            options.SlowNodeGrace = TimeSpan.Zero;
            options.Patience = TimeSpan.FromMilliseconds(100);
        });
        using RecoverySession session = await client.PrepareRecoveryAsync();
        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => session.RecoverAsync("guess"));
        LockedException locked = await Assert.ThrowsAsync<LockedException>(() => session.RecoverAsync("secret"));

        Assert.Equal((TimeSpan.FromSeconds(30), false), (wrong.Delay, wrong.IsCertain));
        Assert.Equal(TimeSpan.FromSeconds(30), locked.Delay);
        Assert.Equal(NodeCondition.Unanswered, wrong.Nodes[set[4].Id].Condition);
        client.Dispose();
    }

    [Fact]
    public async Task Recover_DelayBeginsBetweenDescribeAndEvaluate_IsLocked()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Refuse(RefusedCall.Because(RefusalReason.Delayed, TimeSpan.FromSeconds(40)), "Evaluate");
        }

        LockedException locked = await Assert.ThrowsAsync<LockedException>(() => set.NewClient().RecoverAsync("secret"));

        Assert.Equal(TimeSpan.FromSeconds(40), locked.Delay);
    }

    [Fact]
    public async Task Recover_Exhausted_IsLockedForGoodUntilTheOwnerReplacesTheRecord()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        CustodianClient client = set.NewClient(o => o.MaxAttempts = 1);
        using EnrollResult enrolled = await client.EnrollAsync(Key, "secret");
        await Assert.ThrowsAsync<WrongSecretException>(() => client.RecoverAsync("guess"));

        LockedException locked = await Assert.ThrowsAsync<LockedException>(() => client.RecoverAsync("secret"));
        using EnrollResult replaced = await client.ReplaceAsync(enrolled.OwnerKey, Key, "new secret");
        using RecoverResult recovered = await set.NewClient().RecoverAsync("new secret");

        await recovered.Settlement;
        Assert.True(locked.IsExhausted);
        Assert.Null(locked.Until);
        Assert.Equal(2UL, replaced.Record.Generation);
        Assert.True(replaced.IsComplete);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Recover_AnswerLost_IsSentAgainAndCostsOneAttempt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.LosesAnswer = method => method == "Evaluate" && node.Script.Count("Evaluate") == 1;
        }

        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("guess"));

        Assert.Equal(9, wrong.AttemptsLeft);
        Assert.All(set.Nodes, n => Assert.Equal(2, n.Script.Count("Evaluate")));
        Assert.All(Enumerable.Range(0, 5), i => Assert.Equal(1U, set.At(i).In(Wire.RecordState.Active)!.Used));
    }

    [Fact]
    public async Task Check_RightSecret_SettlesTheAttempts()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient();
        await Assert.ThrowsAsync<WrongSecretException>(() => client.CheckAsync("guess"));

        CheckResult check = await client.CheckAsync("secret");

        Assert.Equal(5, check.Settlement.Confirmed.Length);
        Assert.Equal(10, (await client.DescribeAsync()).AttemptsLeft);
    }
}
