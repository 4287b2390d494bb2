using Custodian.Client;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What stands in front of a node: honest it is not to be noticed, and it does each thing that a test may ask of it.</summary>
[Collection(FiveNodes.Collection)]
public sealed class LyingNodeTests(FiveNodes five)
{
    private const string Secret = "four words make sense";

    private Realm Realm => five.Realm;

    [Fact]
    public async Task LyingNode_Honest_HandsOnEveryCallAndItsAnswer()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[1]);
        await using CustodianClient device = Realm.Client(Realm.NewSubject());

        (await device.EnrollAsync("a private key"u8, Secret)).Dispose();
        (await device.ChangeSecretAsync(Secret, "another")).Dispose();
        using RecoverResult recovered = await device.RecoverAsync("another");
        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        Assert.True((await device.DeleteAsync(recovered.OwnerKey)).IsComplete);

        Assert.All(Enum.GetValues<CustodyMethod>(), method => Assert.NotEmpty(front.CallsOf(method)));
        Assert.All(front.Calls, call => Assert.NotNull(call.Answer));
    }

    [Fact]
    public async Task LyingNode_Refusal_ComesThroughWithItsDetails()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[1]);
        front.AlterRequest<DescribeRequest>(request => request.SetId = "no such set");
        await using CustodianClient device = Realm.Client(Realm.NewSubject());

        AccountDescription described = await device.DescribeAsync();

        NodeRefusal refusal = described.Nodes[Protocol.NodeId.Parse(front.NodeId)].Refusal!;
        Assert.Equal((RefusalReason.InvalidRequest, "set_id"), (refusal.Reason, refusal.Field));
    }

    [Fact]
    public async Task LyingNode_AnswerLost_TheNodeHasDoneItAndTheClientSendsItAgain()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[1]);
        await using CustodianClient device = Realm.Client(Realm.NewSubject(), o => o.MaxRetries = 1);
        (await device.EnrollAsync("a private key"u8, Secret)).Dispose();
        front.LoseAnswers(CustodyMethod.Confirm);

        using RecoverResult recovered = await device.RecoverAsync(Secret);
        SettlementReport settled = await recovered.Settlement;

        Assert.Equal(NodeCondition.Unreachable, settled.Nodes[Protocol.NodeId.Parse(front.NodeId)].Condition);
        Assert.Equal(2, front.CallsOf(CustodyMethod.Confirm).Count);
        Assert.Equal(10, (await device.DescribeAsync()).AttemptsLeft);
    }

    [Fact]
    public async Task LyingNode_HeldCall_WaitsUntilItIsLetGo()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[1]);
        await using CustodianClient device = Realm.Client(Realm.NewSubject());
        (await device.EnrollAsync("a private key"u8, Secret)).Dispose();
        HeldCalls held = front.Hold(CustodyMethod.Evaluate);
        bool answered = false;
        front.At(CustodyMethod.Evaluate, 1, after: _ => Task.FromResult(answered = true));

        using RecoverResult recovered = await device.RecoverAsync(Secret);
        await held.Arrived;
        Assert.False(answered, "the call went on before it was let go");
        Assert.False(recovered.Settlement.IsCompleted, "the settlement did not wait for the answer that is to come");
        held.Release();

        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        Assert.True(answered);
    }
}
