using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

public sealed class RecoverTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    [Fact]
    public async Task Recover_TwoNodesGone_RecoversFromTheOtherThree()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        await set[0].StopAsync();
        await set[3].StopAsync();

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        SettlementReport settled = await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.Equal(new[] { set[1].Id, set[2].Id, set[4].Id }, settled.Confirmed.ToArray());
        Assert.Equal(NodeCondition.Unreachable, settled.Nodes[set[0].Id].Condition);
    }

    [Fact]
    public async Task Recover_ThreeNodesGone_SaysWhyForEach()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        await set[0].StopAsync();
        await set[1].StopAsync();
        set[2].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Describe");

        var few = await Assert.ThrowsAsync<TooFewNodesException>(() => set.NewClient().RecoverAsync("secret"));

        Assert.Equal((3, 2), (few.Needed, few.Answered));
        Assert.Equal(NodeCondition.Unreachable, few.Nodes[set[0].Id].Condition);
        Assert.Equal(RefusalReason.HsmUnavailable, few.Nodes[set[2].Id].Refusal!.Reason);
        Assert.Equal("r-1", few.Nodes[set[2].Id].Refusal!.RequestId);
        Assert.True(few.IsTransient);
        Assert.All(set.Nodes, n => Assert.Equal(0, n.Script.Count("Evaluate")));
    }

    [Fact]
    public async Task Recover_OneNodeHangsInEvaluate_DoesNotWaitForItAndConfirmsItLate()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        TaskCompletionSource released = new();
        set[2].Script.Before = (method, _) => method == "Evaluate" ? released.Task : Task.CompletedTask;

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");
        bool settledEarly = recovered.Settlement.IsCompleted;
        released.SetResult();
        SettlementReport settled = await recovered.Settlement;

        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.False(settledEarly);
        Assert.Equal(5, settled.Confirmed.Length);
        Assert.True(settled.IsHeld);
        Assert.Equal(0U, set.At(2).In(Wire.RecordState.Active)!.Used);
    }

    [Fact]
    public async Task Recover_RecordDeletedMeanwhile_SettlementSaysThatItIsNotHeld()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes owner = await set.EnrolAsync(Key, "secret");
        TaskCompletionSource deleted = new();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (method, _) => method == "Confirm" ? deleted.Task : Task.CompletedTask;
        }

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");
        await set.NewClient().DeleteAsync(owner);
        deleted.SetResult();

        Assert.False((await recovered.Settlement).IsHeld);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Recover_OneNodeHangsInDescribe_DoesNotWaitForItAndAsksItToEvaluate()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        set[2].Script.Hang("Describe");

        using RecoverySession session = await set.NewClient(o => o.SlowNodeGrace = TimeSpan.Zero).PrepareRecoveryAsync();
        using RecoverResult recovered = await session.RecoverAsync("secret");

        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        Assert.Equal(NodeCondition.Unanswered, session.Nodes[set[2].Id].Condition);
    }

    [Fact]
    public async Task Recover_NodesAreBusy_ComesAgainWhenTheySay()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (method, _) => method == "Evaluate" && node.Script.Count("Evaluate") == 1
                ? throw RefusedCall.Because(RefusalReason.Overloaded, TimeSpan.FromMilliseconds(20))
                : Task.CompletedTask;
        }

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Recover_NobodyEnrolled_SaysSo()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();

        await Assert.ThrowsAsync<RecordNotFoundException>(() => set.NewClient().RecoverAsync("secret"));
    }

    [Fact]
    public async Task Recover_NobodyEnrolledAsFarAsTwoNodesKnow_SaysTooFew()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set[0].StopAsync();
        await set[1].StopAsync();
        await set[2].StopAsync();

        await Assert.ThrowsAsync<TooFewNodesException>(() => set.NewClient().RecoverAsync("secret"));
    }

    [Fact]
    public async Task Recover_TokensOfAnotherNode_AreRejected()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient(o => o.Token = (_, _) => ValueTask.FromResult(TestTokens.For("node-1", "user-1")));

        var rejected = await Assert.ThrowsAsync<TokenRejectedException>(() => client.RecoverAsync("secret"));

        Assert.Equal(NodeCondition.NoToken, rejected.Nodes[set[1].Id].Condition);
        Assert.All(set.Nodes.Skip(1), n => Assert.Equal(0, n.Script.Count("Evaluate")));
    }

    [Fact]
    public async Task Recover_TokensOfDifferentUsers_IsRefused()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient(o => o.Token = (node, _) =>
            ValueTask.FromResult(TestTokens.For(node.Value, node.Value == "node-3" ? "user-2" : "user-1")));

        var rejected = await Assert.ThrowsAsync<TokenRejectedException>(() => client.RecoverAsync("secret"));

        Assert.Contains("different users", rejected.Message, StringComparison.Ordinal);
        Assert.All(set.Nodes, n => Assert.Equal(0, n.Script.Count("Evaluate")));
    }

    [Fact]
    public async Task Recover_NoTokenForTwoNodes_DoesWithoutThem()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient(o => o.Token = (node, _) => node.Value is "node-1" or "node-2"
            ? throw new InvalidOperationException("signed out")
            : ValueTask.FromResult(TestTokens.For(node.Value, "user-1")));

        using RecoverResult recovered = await client.RecoverAsync("secret");

        SettlementReport settled = await recovered.Settlement;
        Assert.Equal(3, settled.Confirmed.Length);
        Assert.Equal(new NodeOutcome(NodeCondition.NoToken, "no token: signed out"), settled.Nodes[set[0].Id]);
    }

    [Fact]
    public async Task Recover_Cancelled_ThrowsAndLeavesTheSecretUsable()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        using CancellationTokenSource cancelling = new();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (method, cancellation) =>
            {
                if (method == "Evaluate")
                {
                    cancelling.Cancel();
                }

                return Task.CompletedTask;
            };
        }

        CustodianClient client = set.NewClient();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.RecoverAsync("secret", null, cancelling.Token));
        using RecoverResult recovered = await client.RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.Empty(recovered.ForeignAttempts);
    }

    [Fact]
    public void Recover_EmptySecret_IsRefusedAtOnce()
    {
        using CustodianClient client = new(
            CustodianSet.Parse("""{"set_id":"s","threshold":1,"nodes":[{"node_id":"a","region":"r","operator":"o","address":"https://127.0.0.1:9"}]}"""),
            new CustodianClientOptions { Token = (_, _) => throw new InvalidOperationException("asked for a token") });

        Assert.Equal(SecretProblem.Empty, Assert.Throws<UnsupportedSecretException>(() => { _ = client.RecoverAsync(""); }).Problem);
    }

    [Fact]
    public async Task Recover_ProgressAsked_NamesEachStageAndNode()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        RecordedProgress progress = new();

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret", progress);

        await recovered.Settlement;
        Assert.Equal(
            [CustodyStage.Describing, CustodyStage.Stretching, CustodyStage.Evaluating, CustodyStage.Confirming],
            progress.Stages);
        Assert.Equal(5, progress.Steps.Count(s => s is { Stage: CustodyStage.Evaluating, Node: not null }));
    }

    [Fact]
    public async Task Recover_ProgressThrows_RecoversAllTheSame()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("progress failed: InvalidTimeZoneException");
        await set.EnrolAsync(Key, "secret");

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret", new BrokenProgress());

        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
    }

    [Fact]
    public async Task Recover_LogsHoldNoSecretAndNoAccount()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("");
        await set.EnrolAsync(Key, "tell-tale secret");
        await set[0].StopAsync();
        CustodianClient client = set.NewClient();
        await Assert.ThrowsAsync<WrongSecretException>(() => client.RecoverAsync("tell-tale guess"));
        using RecoverResult recovered = await set.NewClient().RecoverAsync("tell-tale secret");
        await recovered.Settlement;

        Assert.NotEmpty(set.Logs.All);
        Assert.All(set.Logs.All, text =>
        {
            Assert.DoesNotContain("tell-tale", text, StringComparison.Ordinal);
            Assert.DoesNotContain("user-1", text, StringComparison.Ordinal);
            Assert.DoesNotContain(set.Account.ToString(), text, StringComparison.Ordinal);
        });
    }

    private sealed class BrokenProgress : IProgress<CustodyProgress>
    {
        public void Report(CustodyProgress value) => throw new InvalidTimeZoneException();
    }
}
