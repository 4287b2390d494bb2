using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>Evaluate: every state, attempt and delay, and when a charge is taken back (protocol.md section 11). Records have 5 attempts.</summary>
public sealed class EvaluateRuleTests
{
    private static readonly AttemptPolicy Policy = new();

    private readonly AccountSketch _sketch = new();

    [Theory]
    //          before          record  attempt  now ms    answer (sequence, attempts left)  after   audited
    [InlineData("A1", "1", 'a', 0, "granted 1, 4 left", "A1(a)", "Charged")]
    [InlineData("P1", "1", 'a', 0, "granted 1, 4 left", "P1(a)", "Charged")]
    [InlineData("S1 A2", "1", 'a', 0, "granted 1, 4 left", "S1(a) A2", "Charged")]
    [InlineData("A1(ab)", "1", 'c', 0, "granted 3, 2 left", "A1(abc)", "Charged")]
    [InlineData("A1[a]", "1", 'b', 0, "granted 2, 4 left", "A1[a](b)", "Charged")]
    [InlineData("A1(abc)", "1", 'd', 0, "DELAYED 30s", "A1(abc)", "none")]
    [InlineData("A1(abc)", "1", 'd', 29_999, "DELAYED 0.001s", "A1(abc)", "none")]
    [InlineData("A1(abc)", "1", 'd', 30_000, "granted 4, 1 left", "A1(abcd)", "Charged")]
    [InlineData("A1(abcd)", "1", 'e', 59_999, "DELAYED 0.001s", "A1(abcd)", "none")]
    [InlineData("A1(abcd)", "1", 'e', 60_000, "granted 5, 0 left", "A1(abcde)", "Charged")]
    [InlineData("A1(abcde)", "1", 'f', 100_000_000, "ATTEMPTS_EXHAUSTED", "A1(abcde)", "none")]
    [InlineData("A1(a)", "1", 'a', 0, "granted 1, 4 left", "A1(a2)", "Resent")]
    [InlineData("A1(abc)", "1", 'b', 0, "granted 2, 2 left", "A1(ab2c)", "Resent")]
    [InlineData("A1(abcde)", "1", 'a', 0, "granted 1, 0 left", "A1(a2bcde)", "Resent")]
    [InlineData("A1(a3)", "1", 'a', 0, "granted 1, 4 left", "A1(a4)", "Resent")]
    [InlineData("A1[a]", "1", 'a', 0, "ATTEMPT_REUSED", "A1[a]", "none")]
    [InlineData("A1[a](b)", "1", 'a', 0, "ATTEMPT_REUSED", "A1[a](b)", "none")]
    [InlineData("D1", "1", 'a', 0, "RECORD_DESTROYED", "D1", "none")]
    [InlineData("A1", "2", 'a', 0, "RECORD_NOT_FOUND", "A1", "none")]
    [InlineData("", "1", 'a', 0, "RECORD_NOT_FOUND", "", "none")]
    public void Decide_SamePoint_FollowsTheTable(
        string before, string record, char attempt, long nowMs, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<EvaluateGrant> decision = EvaluateRule.Decide(account, Call(record, attempt, attempt), Policy, nowMs);

        Assert.Equal((answer, after, audited), (AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Theory]
    [InlineData("A1(a)")]
    [InlineData("A1(abcde)")]
    [InlineData("P1(a2)")]
    public void Decide_KnownAttemptWithAnotherPoint_IsAttemptReused(string before)
    {
        Account account = _sketch.Read(before);

        Decision<EvaluateGrant> decision = EvaluateRule.Decide(account, Call("1", 'a', 'b'), Policy, 0);

        Assert.Equal(("ATTEMPT_REUSED", before), (AnswerOf(decision), _sketch.After(account, decision)));
    }

    [Fact]
    public void Decide_Charged_EntryCarriesAttemptAndCount()
    {
        Decision<EvaluateGrant> decision = EvaluateRule.Decide(_sketch.Read("A1(ab)"), Call("1", 'c', 'c'), Policy, 7);

        Charge charge = decision.Change!.Next.Records[0].Charges[^1];
        Assert.Equal((7L, 3UL, 1U), (charge.ChargedMs, charge.Sequence, charge.Evaluations));
        Assert.Equal(new AuditEvent(AuditKind.Charged, _sketch["1"].Id, 1, AccountSketch.Attempt('c'), 3), decision.Change.Event);
    }

    [Fact]
    public void Decide_ChargeDatedInTheFuture_CountsAsNow()
    {
        Account account = _sketch.Read("A1(abc)");
        StoredRecord ahead = account.Records[0] with { Charges = [.. account.Records[0].Charges.Select(c => c with { ChargedMs = 90_000 })] };

        Decision<EvaluateGrant> decision = EvaluateRule.Decide(account.With(ahead), Call("1", 'd', 'd'), Policy, nowMs: 10_000);

        Assert.Equal("DELAYED 30s", AnswerOf(decision));
    }

    [Fact]
    public void Decide_ResendOfOldestCharge_LeavesItsPlaceAndTime()
    {
        Account account = _sketch.Read("A1(ab)");

        Account resent = EvaluateRule.Decide(account, Call("1", 'a', 'a'), Policy, nowMs: 5_000).Change!.Next;

        Assert.Equal((0L, 1UL), (resent.Records[0].Charges[0].ChargedMs, resent.Records[0].Charges[0].Sequence));
    }

    [Theory]
    //          before          attempt  sequence  after       audited
    [InlineData("A1(a)", 'a', 1, "A1", "Refunded")]
    [InlineData("A1(abc)", 'b', 2, "A1(ac)", "Refunded")]
    [InlineData("A1[a](b)", 'b', 2, "A1[a]", "Refunded")]
    [InlineData("A1(a2)", 'a', 1, "A1(a2)", "none")]
    [InlineData("A1(a)", 'a', 2, "A1(a)", "none")]
    [InlineData("A1(a)", 'b', 1, "A1(a)", "none")]
    [InlineData("A1[a]", 'a', 1, "A1[a]", "none")]
    public void Refund_AfterFailingHsm_TakesBackOnlyWhatWasTriedOnce(
        string before, char attempt, ulong sequence, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = EvaluateRule.Refund(account, _sketch["1"].Id, AccountSketch.Attempt(attempt), sequence);

        Assert.Equal((after, audited), (_sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Fact]
    public void Refund_ThenAnotherCharge_TakesANewSequence()
    {
        Account refunded = EvaluateRule.Refund(_sketch.Read("A1(ab)"), _sketch["1"].Id, AccountSketch.Attempt('b'), 2).Change!.Next;

        Decision<EvaluateGrant> again = EvaluateRule.Decide(refunded, Call("1", 'b', 'b'), Policy, 0);

        Assert.Equal("granted 3, 3 left", AnswerOf(again));
    }

    [Fact]
    public void Refund_RecordDestroyedMeanwhile_ChangesNothing()
    {
        Decision<StateAnswer> decision = EvaluateRule.Refund(_sketch.Read("D1"), _sketch["1"].Id, AccountSketch.Attempt('a'), 1);

        Assert.Equal(("RECORD_DESTROYED", "none"), (RuleTable.AnswerOf(decision), RuleTable.Audited(decision)));
    }

    private EvaluateCall Call(string record, char attempt, char point) =>
        new(_sketch[record].Id, AccountSketch.Attempt(attempt), AccountSketch.Point(point));

    private static string AnswerOf(Decision<EvaluateGrant> decision) => decision.Refusal is { } refusal
        ? RuleTable.TextOf(refusal)
        : $"granted {decision.Answer!.Sequence}, {decision.Answer.Record.AttemptsRemaining} left";
}
