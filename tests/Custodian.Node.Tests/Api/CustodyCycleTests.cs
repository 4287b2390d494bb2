using Custodian.Core;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Tests.Api;

/// <summary>The life of records at one node, over TLS, with a real HSM and database: every call, and every call sent again.</summary>
public sealed class CustodyCycleTests(TestNode node) : IClassFixture<TestNode>, IDisposable
{
    public void Dispose() => Assert.Empty(node.Log.TakeWarnings());

    [Fact]
    public async Task Cycle_PrepareToDelete_AnswersEveryStep()
    {
        TestUser user = node.NewUser();
        ClientRecord first = user.NewRecord(1);
        PrepareResponse prepared = await user.Node.PrepareAsync(first.Prepare(), user.Token);
        Assert.True(P256.IsXCoordinate(prepared.Evaluated.Span));

        DepositResponse deposited = await user.Node.DepositAsync(first.DepositMessage(prepared.SealedKey), user.Token);
        Assert.Equal(RecordState.Pending, deposited.State);

        ActivateResponse activated = await user.Node.ActivateAsync(first.ActivateMessage(), user.Token);
        Assert.Equal(RecordState.Active, activated.State);

        AttemptId attempt = AttemptId.Draw();
        EvaluateResponse evaluated = await user.EvaluateAsync(first, attempt);
        Assert.Equal(prepared.Evaluated, evaluated.Evaluated);
        Assert.Equal(first.MaskedShare, evaluated.MaskedShare.ToByteArray());
        Assert.Equal(first.Envelope, evaluated.Envelope.ToByteArray());
        Assert.Equal((4U, 1UL), (evaluated.AttemptsRemaining, evaluated.Sequence));

        ConfirmResponse confirmed = await user.Node.ConfirmAsync(first.ConfirmMessage(attempt, evaluated.Sequence), user.Token);
        Assert.Equal((RecordState.Active, 5U), (confirmed.State, confirmed.AttemptsRemaining));

        ClientRecord second = await user.EnrolAsync(2, first);
        await user.Node.RetireAsync(first.RetireMessage(second), user.Token);
        await user.Node.DeleteAsync(second.DeleteMessage(RecordState.Active), user.Token);

        Assert.Empty((await user.StoredAsync()).Records);
        Assert.Equal(
            [
                AuditKind.Deposited, AuditKind.Activated, AuditKind.Charged, AuditKind.Confirmed,
                AuditKind.Deposited, AuditKind.Activated, AuditKind.Retired, AuditKind.Deleted,
            ],
            await user.AuditedAsync());
    }

    [Fact]
    public async Task Describe_RecordsInEveryState_TellsWhatAClientNeeds()
    {
        TestUser user = node.NewUser();
        ClientRecord gone = await user.DepositAsync(1);
        await user.Node.DeleteAsync(gone.DeleteMessage(RecordState.Pending), user.Token);
        ClientRecord superseded = await user.EnrolAsync(2);
        ClientRecord active = await user.EnrolAsync(3, superseded);
        ClientRecord pending = await user.DepositAsync(4, active);
        await user.EvaluateAsync(active, AttemptId.Draw());

        DescribeResponse described = await user.DescribeAsync();

        Assert.Equal((ClientRecord.Node.Value, ClientRecord.Set.Value), (described.NodeId, described.SetId));
        Assert.Equal(4, described.Records.Count);
        RecordStatus tombstone = Assert.Single(described.Records, r => r.State == RecordState.Destroyed);
        Assert.Equal((gone.Id, 1UL, 0), (RecordId.Read(tombstone.RecordId.Span), tombstone.Generation, tombstone.Header.Length));
        foreach ((ClientRecord record, RecordState state, uint used) in new[]
            { (superseded, RecordState.Superseded, 0U), (active, RecordState.Active, 1U), (pending, RecordState.Pending, 0U) })
        {
            RecordStatus status = Assert.Single(described.Records, r => r.State == state);
            Assert.Equal(record.Header.Bytes.ToArray(), status.Header.ToByteArray());
            Assert.Equal((used, 5 - used, 0L), (status.AttemptsUsed, status.AttemptsRemaining, status.RetryAfterMs));
            AssertSigned(record, SignaturePurpose.Deposit, SignatureBody.Deposit(record.Header.Hash.Span, record.MaskedShare), status.DepositSignature, record);
        }

        RecordStatus replacing = Assert.Single(described.Records, r => r.State == RecordState.Pending);
        Assert.Equal(active.Id, RecordId.Read(replacing.ReplacesRecordId.Span));
        AssertSigned(pending, SignaturePurpose.Replace, SignatureBody.Replace(pending.Header.Hash.Span), replacing.ReplaceSignature, active);
    }

    [Fact]
    public async Task Resend_EveryCall_AnswersTheSameAndChangesNothing()
    {
        TestUser user = node.NewUser();
        ClientRecord first = user.NewRecord(1);
        PrepareResponse prepared = await user.Node.PrepareAsync(first.Prepare(), user.Token);
        DepositRequest deposit = first.DepositMessage(prepared.SealedKey);
        await user.Node.DepositAsync(deposit, user.Token);
        Assert.Equal(RecordState.Pending, (await user.Node.DepositAsync(deposit, user.Token)).State);

        await user.Node.ActivateAsync(first.ActivateMessage(), user.Token);
        Assert.Equal(RecordState.Active, (await user.Node.ActivateAsync(first.ActivateMessage(), user.Token)).State);
        Assert.Equal(RecordState.Active, (await user.Node.DepositAsync(deposit, user.Token)).State);

        AttemptId attempt = AttemptId.Draw();
        EvaluateResponse once = await user.EvaluateAsync(first, attempt);
        Assert.Equal(once, await user.EvaluateAsync(first, attempt));

        ConfirmRequest confirm = first.ConfirmMessage(attempt, 1);
        ConfirmResponse confirmed = await user.Node.ConfirmAsync(confirm, user.Token);
        Assert.Equal(confirmed, await user.Node.ConfirmAsync(confirm, user.Token));

        ClientRecord second = await user.EnrolAsync(2, first);
        await user.Node.RetireAsync(first.RetireMessage(second), user.Token);
        await user.Node.RetireAsync(first.RetireMessage(second), user.Token);
        await user.Node.DeleteAsync(second.DeleteMessage(RecordState.Active), user.Token);
        await user.Node.DeleteAsync(second.DeleteMessage(RecordState.Active), user.Token);

        Assert.Equal(
            [
                AuditKind.Deposited, AuditKind.Activated, AuditKind.Charged, AuditKind.Resent, AuditKind.Confirmed,
                AuditKind.Deposited, AuditKind.Activated, AuditKind.Retired, AuditKind.Deleted,
            ],
            await user.AuditedAsync());
    }

    [Fact]
    public async Task Deposit_SentAgainWithoutAKeyThatOpens_IsStillAnswered()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();

        DepositResponse again = await user.Node.DepositAsync(record.DepositMessage(ByteString.CopyFrom(1)), user.Token);

        Assert.Equal(RecordState.Active, again.State);
    }

    [Fact]
    public async Task Confirm_PendingRecord_ActivatesIt()
    {
        TestUser user = node.NewUser();
        ClientRecord first = await user.EnrolAsync(1);
        ClientRecord second = await user.DepositAsync(2, first);
        AttemptId attempt = AttemptId.Draw();
        EvaluateResponse evaluated = await user.EvaluateAsync(second, attempt);

        ConfirmResponse confirmed = await user.Node.ConfirmAsync(second.ConfirmMessage(attempt, evaluated.Sequence), user.Token);

        Assert.Equal(RecordState.Active, confirmed.State);
        Assert.Equal(RecordState.Superseded, (await user.StoredAsync()).Find(first.Id)!.State);
    }

    [Fact]
    public async Task Evaluate_FourthAttempt_IsDelayedAndDescribeSaysHowLong()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        for (int i = 0; i < 3; i++)
        {
            await user.EvaluateAsync(record, AttemptId.Draw());
        }

        Refused refused = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token));

        Assert.Equal(("DELAYED", TimeSpan.FromSeconds(30)), (refused.Reason, refused.RetryAfter));
        Assert.Equal(30_000, (await user.DescribeAsync()).Records[0].RetryAfterMs);
        node.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(4UL, (await user.EvaluateAsync(record, AttemptId.Draw())).Sequence);
    }

    [Fact]
    public async Task Evaluate_Exhausted_IsRefusedButAResendIsAnswered()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync(maxAttempts: 1);
        AttemptId attempt = AttemptId.Draw();
        EvaluateResponse only = await user.EvaluateAsync(record, attempt);

        Refused refused = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token));

        Assert.Equal("ATTEMPTS_EXHAUSTED", refused.Reason);
        Assert.Equal(only, await user.EvaluateAsync(record, attempt));
    }

    [Fact]
    public async Task Evaluate_KnownAttemptWithAnotherPoint_IsAttemptReused()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        AttemptId attempt = AttemptId.Draw();
        await user.EvaluateAsync(record, attempt);

        Refused refused = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(attempt, ClientRequests.OtherBlinded), user.Token));

        Assert.Equal("ATTEMPT_REUSED", refused.Reason);
    }

    [Fact]
    public async Task Account_OfAnotherSubject_IsOutOfReach()
    {
        TestUser owner = node.NewUser();
        ClientRecord record = await owner.EnrolAsync();
        TestUser stranger = node.NewUser();

        Refused refused = await Refused.ByAsync(stranger.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), stranger.Token));

        Assert.Equal("RECORD_NOT_FOUND", refused.Reason);
        Assert.Empty((await stranger.DescribeAsync()).Records);
        Assert.Equal(0U, (await owner.DescribeAsync()).Records[0].AttemptsUsed);
    }

    private static void AssertSigned(
        ClientRecord record, SignaturePurpose purpose, byte[] body, ByteString signature, ClientRecord signer)
    {
        byte[] message = OwnerSignature.Message(purpose, ClientRecord.Node, record.Account, record.Id, body);
        Assert.True(OwnerSignature.Verify(signer.Owner.PublicKey, message, signature.Span));
    }
}
