using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Core;

/// <summary>A database restored from a copy has forgotten attempts (protocol.md section 11).</summary>
public sealed class RestoreRuleTests
{
    private readonly AccountSketch _sketch = new();

    [Theory]
    [InlineData("A1")]
    [InlineData("A1(ab)")]
    [InlineData("A1(abcd)")]
    [InlineData("A1[a](bc2)")]
    [InlineData("S1 A2(ab) P3 D4")]
    public void Decide_LiveRecords_HaveOneAttemptLeft(string sketch)
    {
        Account before = _sketch.Read(sketch);
        Account after = RestoreRule.Decide(before).Change!.Next;
        Assert.All(after.Records, r => Assert.Equal(1u, r.AttemptsRemaining));
        Assert.All(after.Records.Zip(before.Records), r => Assert.True(r.First.LastSequence >= r.Second.LastSequence + RestoreRule.SequenceLeap));
        Assert.All(after.Records.Zip(before.Records), r => Assert.Equal(r.Second.Charges.AsEnumerable(), r.First.Charges.Take(r.Second.Charges.Length)));
        Assert.Equal(before.Tombstones.AsEnumerable(), after.Tombstones.AsEnumerable());
    }

    [Fact]
    public void Decide_ExhaustedRecord_StaysExhausted()
    {
        Account after = RestoreRule.Decide(_sketch.Read("A1(abcde)")).Change!.Next;
        Assert.Equal(0u, after.Records[0].AttemptsRemaining);
    }

    [Fact]
    public void Decide_NoLiveRecord_ChangesNothing() => Assert.Null(RestoreRule.Decide(_sketch.Read("D1")).Change);

    [Fact]
    public void Decide_Twice_GivesNoAttemptBack()
    {
        Account once = RestoreRule.Decide(_sketch.Read("A1(a)")).Change!.Next;
        Account twice = RestoreRule.Decide(once).Change!.Next;
        Assert.Equal(1u, twice.Records[0].AttemptsRemaining);
        Assert.True(twice.Records[0].LastSequence > once.Records[0].LastSequence);
    }

    [Fact]
    public void Evaluate_Restored_AnswersOneMoreAttemptWithoutDelayAndNoForgottenOne()
    {
        Account account = RestoreRule.Decide(_sketch.Read("A1")).Change!.Next;
        StoredRecord record = account.Records[0];
        Charge forgotten = record.Charges[0];
        var again = new EvaluateCall(record.Id, forgotten.Attempt, AccountSketch.Point('z'));
        Assert.Equal(RefusalReason.AttemptReused, EvaluateRule.Decide(account, again, new AttemptPolicy(), 0).Refusal!.Reason);
        Assert.Null(EvaluateRule.Refund(account, record.Id, forgotten.Attempt, forgotten.Sequence).Change);

        Decision<EvaluateGrant> one = EvaluateRule.Decide(
            account, new EvaluateCall(record.Id, AccountSketch.Attempt('y'), AccountSketch.Point('y')), new AttemptPolicy(), 1_790_000_000_000);
        Assert.Equal(record.LastSequence + 1, one.Answer!.Sequence);
        Decision<EvaluateGrant> two = Evaluate(one.Change!.Next, 'x', 1_790_000_000_000);
        Assert.Equal(RefusalReason.AttemptsExhausted, two.Refusal!.Reason);
    }

    [Fact]
    public void Decide_ThenConfirm_GivesEveryAttemptBack()
    {
        Account account = RestoreRule.Decide(_sketch.Read("A1")).Change!.Next;
        Decision<EvaluateGrant> charged = Evaluate(account, 'y', 1);
        ConfirmCall confirm = _sketch["1"].Confirm(AccountSketch.Attempt('y'), charged.Answer!.Sequence);
        Decision<StateAnswer> confirmed = ConfirmRule.Decide(
            charged.Change!.Next, confirm, _sketch["1"].Account, ClientRecord.Node);
        Assert.Equal(new StateAnswer(RecordState.Active, 5), confirmed.Answer);
    }

    [Fact]
    public void Bury_DestroyedSinceTheCopy_IsNotRevivedAndWhatStillLivesIsUntouched()
    {
        Account restored = RestoreRule.Decide(_sketch.Read("S1 A2(ab) P3")).Change!.Next;
        Account known = _sketch.Read("D1 A2(abc) D3");

        Account next = RestoreRule.Bury(restored, known).Change!.Next;

        Assert.Same(restored.Find(_sketch["2"].Id), Assert.Single(next.Records));
        Assert.Equal([_sketch["1"].Id, _sketch["3"].Id], next.Tombstones.Select(t => t.Id));
        Assert.Equal(3UL, next.HighestGeneration);
        Assert.Null(RestoreRule.Bury(next, known).Change);
    }

    [Fact]
    public void Bury_TombstoneThatTheOtherStateForgot_IsToldByItsGeneration()
    {
        Account restored = _sketch.Read("A1");
        Account known = Account.Empty with { HighestGeneration = 20, ForgottenGeneration = 4 };

        Account next = RestoreRule.Bury(restored, known).Change!.Next;

        Assert.Empty(next.Records);
        Assert.Equal((20UL, 4UL), (next.HighestGeneration, next.ForgottenGeneration));
    }

    private Decision<EvaluateGrant> Evaluate(Account account, char attempt, long nowMs) => EvaluateRule.Decide(
        account,
        new EvaluateCall(_sketch["1"].Id, AccountSketch.Attempt(attempt), AccountSketch.Point(attempt)),
        new AttemptPolicy { FirstDelay = TimeSpan.Zero },
        nowMs);
}
