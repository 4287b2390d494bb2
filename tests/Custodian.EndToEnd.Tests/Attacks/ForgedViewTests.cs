using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// One node of five shows a record that would make guessing easy, or speaks in another's name: the user's record is recovered all the same,
/// nothing is stretched, evaluated or signed for what it showed, and it is named.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class ForgedViewTests(AttackedNodes nodes)
{
    private const int Liar = 1;
    private const ulong Highest = 1UL << 62;

    private Realm Realm => nodes.Realm;

    [Fact]
    public async Task Recover_OneNodeShowsThresholdOne_IsNamedAndNothingIsSentForIt()
    {
        NodeId self = NodeId.Parse(Realm.Nodes[Liar].NodeId);
        await AssertHarmlessAsync(header =>
        {
            header.Threshold = 1;
            header.Participants.Clear();
            header.Participants.Add(new Participant { NodeId = self.Value, Index = 1 });
        });
    }

    [Fact]
    public async Task Recover_OneNodeShowsForeignParticipants_IsNamedAndNothingIsSentForIt() => await AssertHarmlessAsync(header =>
    {
        foreach (Participant participant in header.Participants.Where(p => p.NodeId != Realm.Nodes[Liar].NodeId))
        {
            participant.NodeId = $"elsewhere-{participant.Index}";
        }
    });

    [Fact]
    public async Task Recover_OneNodeShowsWeakStretching_IsNamedAndNothingIsSentForIt() =>
        await AssertHarmlessAsync(header => (header.Kdf.MemoryKib, header.Kdf.Iterations) = (8, 1));

    [Fact]
    public async Task Recover_OneNodeShowsStretchingThatWouldTakeForEver_IsNamedAndNothingIsSentForIt() =>
        await AssertHarmlessAsync(header => (header.Kdf.MemoryKib, header.Kdf.Iterations) = (uint.MaxValue, uint.MaxValue));

    [Fact]
    public async Task ChangeSecret_OneNodeShowsTheHighestGeneration_TakesTheOneAfterTheOthers()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        Show(front, (_, header) => header.Generation = Highest);
        await using CustodianClient device = Realm.Client(subject, o => o.AllowPartialEnrolment = true);

        AccountDescription described = await device.DescribeAsync();
        using EnrollResult changed = await device.ChangeSecretAsync(AttackedNodes.Secret, "another secret");
        front.BeHonest();

        Assert.Equal(NodeCondition.Faulty, described.Nodes[NodeId.Parse(front.NodeId)].Condition);
        Assert.Equal(1UL, described.Record!.Generation);
        Assert.Equal(2UL, changed.Record.Generation);
        await nodes.AssertRecoversAsync(subject, "another secret", confirmed: changed.Active.Length);
    }

    [Fact]
    public async Task Recover_OneNodeCallsItselfByAnothersName_GetsNoSignatureForIt()
    {
        NodeProcess borrowed = Realm.Nodes[3];
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        using EnrollResult kept = enrolled;
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Realm.Nodes[0]);
        front.Alter<DescribeResponse>(answer => answer.NodeId = borrowed.NodeId);

        await nodes.AssertRecoversAsync(subject);
        await using CustodianClient device = Realm.Client(subject);
        DeleteResult deleted = await device.DeleteAsync(kept.OwnerKey);

        Assert.Equal(NodeCondition.Faulty, deleted.Nodes[NodeId.Parse(front.NodeId)].Condition);
        ConfirmRequest confirm = Assert.Single(front.CallsOf(CustodyMethod.Confirm)).RequestAs<ConfirmRequest>();
        Assert.True(IsSignedFor(front.NodeId, thief.Account, header, confirm));
        Assert.False(IsSignedFor(borrowed.NodeId, thief.Account, header, confirm));
        Assert.Empty(front.CallsOf(CustodyMethod.Delete));
    }

    [Fact]
    public async Task Recover_OneNodeHandsOnAnothersAnswers_GetsNoSignatureForIt()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        using var thief = new Thief(Realm, subject);
        NodeProcess other = Realm.Nodes[3];
        Header header = await thief.HeaderAsync(other);
        front.Add(CustodyMethod.Evaluate, async (call, _) =>
            (await thief.Stub(other).EvaluateAsync(call.RequestAs<EvaluateRequest>(), thief.Headers(other))).ToByteArray());

        await using CustodianClient device = Realm.Client(subject);
        using RecoverResult recovered = await device.RecoverAsync(AttackedNodes.Secret);
        SettlementReport settled = await recovered.Settlement;

        Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key));
        Assert.Equal([NodeId.Parse(front.NodeId)], settled.Faulty.ToArray());
        ConfirmRequest confirm = Assert.Single(front.CallsOf(CustodyMethod.Confirm)).RequestAs<ConfirmRequest>();
        Assert.True(IsSignedFor(front.NodeId, thief.Account, header, confirm));
        Assert.False(IsSignedFor(other.NodeId, thief.Account, header, confirm));
    }

    private async Task AssertHarmlessAsync(Action<RecordHeader> edit)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        ByteString forged = ByteString.CopyFrom(RecordId.Draw().ToArray());
        Show(front, (status, header) =>
        {
            edit(header);
            header.RecordId = forged;
            header.Generation++;
            status.State = WireState.Active;
        });
        await using CustodianClient device = Realm.Client(subject);

        AccountDescription described = await device.DescribeAsync();
        using RecoverResult recovered = await device.RecoverAsync(AttackedNodes.Secret);
        SettlementReport settled = await recovered.Settlement;

        Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key));
        Assert.Equal(NodeCondition.Faulty, described.Nodes[NodeId.Parse(front.NodeId)].Condition);
        Assert.Equal((1UL, 10), (described.Record!.Generation, described.AttemptsLeft));
        Assert.Equal(5, settled.Confirmed.Length);
        Assert.All(front.CallsOf(CustodyMethod.Evaluate), c => Assert.NotEqual(forged, c.RequestAs<EvaluateRequest>().RecordId));
    }

    /// <summary>Lets a node show its record otherwise.</summary>
    private static void Show(LyingNode front, Action<RecordStatus, RecordHeader> edit) => front.Alter<DescribeResponse>(answer =>
    {
        foreach (RecordStatus status in answer.Records)
        {
            RecordHeader header = RecordHeader.Parser.ParseFrom(status.Header);
            edit(status, header);
            status.Header = header.ToByteString();
        }
    });

    private static bool IsSignedFor(string node, AccountId account, Header header, ConfirmRequest confirm)
    {
        Assert.True(AttemptId.TryRead(confirm.AttemptId.Span, out AttemptId attempt));
        byte[] message = OwnerSignature.Message(
            SignaturePurpose.Confirm, NodeId.Parse(node), account, header.RecordId, SignatureBody.Confirm(attempt, confirm.Sequence));
        return OwnerSignature.Verify(header.ConfirmPublicKey.Span, message, confirm.Signature.Span);
    }
}
