using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>One record at one real node, from Prepare to Delete, through TLS, HSM and SQLite.</summary>
[Collection(SingleNode.Collection)]
public sealed class RecordLifeTests(SingleNode one)
{
    [Fact]
    public async Task Record_PreparedDepositedActivated_EvaluatesToTheSameMask()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            SoloRecord.Attempt attempt = record.NewAttempt();

            EvaluateResponse answer = await record.EvaluateAsync(attempt);

            Assert.Equal(record.Mask, attempt.Blinded.MaskOf(answer.Evaluated));
            Assert.Equal(1UL, answer.Sequence);
            Assert.Equal(9U, answer.AttemptsRemaining);
        }
    }

    [Fact]
    public async Task Evaluate_SentAgain_CostsNoSecondAttempt()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            SoloRecord.Attempt attempt = record.NewAttempt();
            EvaluateResponse first = await record.EvaluateAsync(attempt);

            EvaluateResponse again = await record.EvaluateAsync(attempt);

            Assert.Equal(first, again);
            Assert.Equal(1U, (await record.StatusAsync()).AttemptsUsed);
        }
    }

    [Fact]
    public async Task Confirm_AfterEvaluate_SetsAttemptsToZero()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            SoloRecord.Attempt attempt = record.NewAttempt();
            await record.EvaluateAsync(record.NewAttempt());
            EvaluateResponse answer = await record.EvaluateAsync(attempt);

            ConfirmResponse confirmed = await record.ConfirmAsync(attempt, answer.Sequence);

            Assert.Equal(10U, confirmed.AttemptsRemaining);
            Assert.Equal(0U, (await record.StatusAsync()).AttemptsUsed);
        }
    }

    [Fact]
    public async Task Evaluate_AttemptsUsedUp_IsRefusedAndStaysSo()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync(maxAttempts: 2);
        using (caller)
        using (record)
        {
            await record.EvaluateAsync(record.NewAttempt());
            await record.EvaluateAsync(record.NewAttempt());

            WireRefusal refusal = await WireRefusal.OfAsync(record.EvaluateAsync(record.NewAttempt()));

            Assert.Equal((StatusCode.FailedPrecondition, "ATTEMPTS_EXHAUSTED"), (refusal.Status, refusal.Reason));
            Assert.Equal(2U, (await record.StatusAsync()).AttemptsUsed);
        }
    }

    [Fact]
    public async Task Delete_ActiveRecord_LeavesATombstoneAndNoKeyMaterial()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            await record.DeleteAsync(RecordState.Active);

            WireRefusal refusal = await WireRefusal.OfAsync(record.EvaluateAsync(record.NewAttempt()));
            Assert.Equal((StatusCode.NotFound, "RECORD_DESTROYED"), (refusal.Status, refusal.Reason));
        }
    }
}
