using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>Calls that were rightly made once, kept by someone in between, and sent again when they should not count any more.</summary>
[Collection(AttackedNodes.Collection)]
public sealed class ReplayTests(AttackedNodes nodes)
{
    private const int Between = 2;

    private Realm Realm => nodes.Realm;

    private NodeProcess Node => Realm.Nodes[Between];

    [Fact]
    public async Task Confirm_ReplayedAfterNewAttempts_GivesNoneOfThemBack()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Node);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        await nodes.AssertRecoversAsync(subject);
        LyingCall confirm = Assert.Single(front.CallsOf(CustodyMethod.Confirm));
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Node);

        ConfirmResponse again = LyingCall.Parse<ConfirmResponse>(await front.ReplayAsync(confirm));
        Assert.Equal(10U, again.AttemptsRemaining);
        for (uint guesses = 1; guesses <= 10; guesses++)
        {
            using SecretBytes guess = Thief.Stretch($"guess {guesses}", header);
            Assert.NotNull(await thief.ShareAsync(Node, header, guess));
            WireRefusal refusal = await RefusalAsync(front, confirm);
            Assert.Equal((StatusCode.FailedPrecondition, "ATTEMPT_UNKNOWN"), (refusal.Status, refusal.Reason));
            Assert.Equal(guesses, (await thief.UsedAsync(header))[Between]);
        }
    }

    [Fact]
    public async Task Confirm_OfAnotherNode_GivesNothingBackHere()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Node);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        await nodes.AssertRecoversAsync(subject);
        ConfirmRequest confirm = Assert.Single(front.CallsOf(CustodyMethod.Confirm)).RequestAs<ConfirmRequest>();
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Node);
        using SecretBytes guess = Thief.Stretch("a guess", header);
        Assert.NotNull(await thief.ShareAsync(Realm.Nodes[0], header, guess));

        WireRefusal refusal = await WireRefusal.OfAsync(thief.Stub(Realm.Nodes[0]).ConfirmAsync(confirm, thief.Headers(Realm.Nodes[0])));

        Assert.Equal("BAD_SIGNATURE", refusal.Reason);
        Assert.Equal(1U, (await thief.UsedAsync(header))[0]);
    }

    [Fact]
    public async Task Deposit_ReplayedLate_ChangesNothingInAnyState()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Node);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        LyingCall first = Assert.Single(front.CallsOf(CustodyMethod.Deposit));
        using var thief = new Thief(Realm, subject);

        Assert.Equal(WireState.Active, LyingCall.Parse<DepositResponse>(await front.ReplayAsync(first)).State);
        await using CustodianClient device = Realm.Client(subject);
        using EnrollResult changed = await device.ChangeSecretAsync(AttackedNodes.Secret, "another secret");
        IReadOnlyList<RecordStatus> before = await thief.DescribeAsync(Node);
        WireRefusal replaced = await RefusalAsync(front, first);

        Assert.Equal((StatusCode.NotFound, "RECORD_DESTROYED"), (replaced.Status, replaced.Reason));
        Assert.Equal(before, await thief.DescribeAsync(Node));
        Assert.True((await device.DeleteAsync(changed.OwnerKey)).IsComplete);
        Assert.Equal("RECORD_DESTROYED", (await RefusalAsync(front, first)).Reason);
        Assert.Equal("RECORD_DESTROYED", (await RefusalAsync(front, front.CallsOf(CustodyMethod.Deposit)[^1])).Reason);
        Assert.All(await thief.DescribeAsync(Node), r => Assert.Equal(WireState.Destroyed, r.State));
    }

    [Fact]
    public async Task Deposit_OfOtherContentUnderAUsedRecordId_IsRefused()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Node);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        DepositRequest deposit = Assert.Single(front.CallsOf(CustodyMethod.Deposit)).RequestAs<DepositRequest>();
        using var thief = new Thief(Realm, subject);

        deposit.MaskedShare = ByteString.CopyFrom(new byte[32]);
        WireRefusal share = await WireRefusal.OfAsync(thief.Stub(Node).DepositAsync(deposit, thief.Headers(Node)));
        RecordHeader header = RecordHeader.Parser.ParseFrom(deposit.Header);
        header.MaxAttempts = 100;
        deposit.Header = header.ToByteString();
        WireRefusal other = await WireRefusal.OfAsync(thief.Stub(Node).DepositAsync(deposit, thief.Headers(Node)));

        Assert.Equal(("RECORD_CONFLICT", "RECORD_CONFLICT"), (share.Reason, other.Reason));
        await nodes.AssertRecoversAsync(subject);
    }

    [Fact]
    public async Task Deposit_OverAnothersPending_IsRefusedWithWhenToComeAgain()
    {
        string subject = Realm.NewSubject();
        using var thief = new Thief(Realm, subject);
        using ForgedRecord pending = ForgedRecord.Make(Realm, thief.Account);
        using ForgedRecord late = ForgedRecord.Make(Realm, thief.Account, f => f with { Generation = 2 });
        await thief.DepositAsync(Node, pending);

        WireRefusal unnamed = await DepositRefusalAsync(thief, late, _ => { });
        WireRefusal named = await DepositRefusalAsync(thief, late, d => d.ReplacesPending = Thief.Id(pending.Header));

        Assert.Equal(("PENDING_EXISTS", "PENDING_EXISTS"), (unnamed.Reason, named.Reason));
        Assert.InRange(named.RetryAfter!.Value, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(60));
        Assert.Equal(pending.Header.Bytes.ToArray(), Assert.Single(await thief.DescribeAsync(Node)).Header.ToByteArray());
    }

    [Fact]
    public async Task Deposit_IntoAnotherAccount_IsRefused()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Node);
        (string victim, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        DepositRequest deposit = Assert.Single(front.CallsOf(CustodyMethod.Deposit)).RequestAs<DepositRequest>();
        using var thief = new Thief(Realm, Realm.NewSubject());
        using var known = new Thief(Realm, victim);
        using ForgedRecord forVictim = ForgedRecord.Make(Realm, known.Account, f => f with { Generation = 2 });

        WireRefusal copied = await WireRefusal.OfAsync(thief.Stub(Node).DepositAsync(deposit, thief.Headers(Node)));
        WireRefusal forged = await DepositRefusalAsync(thief, forVictim, _ => { });

        Assert.Equal(("INVALID_REQUEST", "header.account_id"), (copied.Reason, copied.Field));
        Assert.Equal(("INVALID_REQUEST", "header.account_id"), (forged.Reason, forged.Field));
        await nodes.AssertRecoversAsync(victim);
    }

    [Fact]
    public async Task Delete_SignedForPendingAndComeLate_DoesNotTouchTheActiveRecord()
    {
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        using EnrollResult kept = enrolled;
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Node);
        using SigningKey owner = SigningKey.Create(kept.OwnerKey.Span);

        DeleteRequest late = Delete(WireState.Pending);
        WireRefusal refused = await WireRefusal.OfAsync(thief.Stub(Node).DeleteAsync(late, thief.Headers(Node)));
        late.State = WireState.Active;
        WireRefusal relabelled = await WireRefusal.OfAsync(thief.Stub(Node).DeleteAsync(late, thief.Headers(Node)));

        Assert.Equal((StatusCode.FailedPrecondition, "WRONG_STATE"), (refused.Status, refused.Reason));
        Assert.Equal("BAD_SIGNATURE", relabelled.Reason);
        await nodes.AssertRecoversAsync(subject);

        DeleteRequest Delete(WireState state) => new()
        {
            RecordId = Thief.Id(header), State = state, SetId = Realm.SetId,
            Signature = thief.Sign(owner, SignaturePurpose.Delete, Node, header, SignatureBody.Delete(state, header.Hash.Span)),
        };
    }

    private static async Task<WireRefusal> RefusalAsync(LyingNode front, LyingCall call) =>
        WireRefusal.Of(await Assert.ThrowsAsync<RpcException>(() => front.ReplayAsync(call)));

    private async Task<WireRefusal> DepositRefusalAsync(Thief thief, ForgedRecord record, Action<DepositRequest> change) =>
        WireRefusal.Of(await Assert.ThrowsAsync<RpcException>(() => thief.DepositAsync(Node, record, change)));
}
