using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>Confirm: every state, attempt and sequence (protocol.md section 11).</summary>
public sealed class ConfirmRuleTests
{
    private readonly AccountSketch _sketch = new();

    [Theory]
    //          before          record  attempt  sequence  answer             after           audited
    [InlineData("A1(a)", "1", 'a', 1, "ACTIVE", "A1[a]", "Confirmed")]
    [InlineData("A1(abc)", "1", 'a', 1, "ACTIVE", "A1[a]", "Confirmed")]
    [InlineData("A1(abc2)", "1", 'c', 3, "ACTIVE", "A1[c]", "Confirmed")]
    [InlineData("A1(abcde)", "1", 'e', 5, "ACTIVE", "A1[e]", "Confirmed")]
    [InlineData("A1[a](b)", "1", 'b', 2, "ACTIVE", "A1[b]", "Confirmed")]
    [InlineData("P1(a)", "1", 'a', 1, "ACTIVE", "A1[a]", "Confirmed")]
    [InlineData("A1(b) P2(a)", "2", 'a', 1, "ACTIVE", "S1(b) A2[a]", "Confirmed")]
    [InlineData("S1(a) A2(b)", "1", 'a', 1, "SUPERSEDED", "S1[a] A2(b)", "Confirmed")]
    [InlineData("A1[a]", "1", 'a', 1, "ACTIVE", "A1[a]", "none")]
    [InlineData("S1[a] A2", "1", 'a', 1, "SUPERSEDED", "S1[a] A2", "none")]
    [InlineData("A1[a](b)", "1", 'a', 1, "ATTEMPT_UNKNOWN", "A1[a](b)", "none")]
    [InlineData("A1(a)", "1", 'a', 2, "ATTEMPT_UNKNOWN", "A1(a)", "none")]
    [InlineData("A1(ab)", "1", 'b', 1, "ATTEMPT_UNKNOWN", "A1(ab)", "none")]
    [InlineData("A1(a)", "1", 'z', 1, "ATTEMPT_UNKNOWN", "A1(a)", "none")]
    [InlineData("A1[a]", "1", 'a', 2, "ATTEMPT_UNKNOWN", "A1[a]", "none")]
    [InlineData("A1", "1", 'a', 1, "ATTEMPT_UNKNOWN", "A1", "none")]
    [InlineData("D1", "1", 'a', 1, "RECORD_DESTROYED", "D1", "none")]
    [InlineData("A1(a)", "2", 'a', 1, "RECORD_NOT_FOUND", "A1(a)", "none")]
    public void Decide_SignedByConfirmKey_FollowsTheTable(
        string before, string record, char attempt, ulong sequence, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = Decide(account, _sketch[record].Confirm(AccountSketch.Attempt(attempt), sequence));

        Assert.Equal((answer, after, audited), (RuleTable.AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Fact]
    public void Decide_Accepted_AnswersAllAttemptsFree()
    {
        Decision<StateAnswer> decision = Decide(_sketch.Read("A1(abcde)"), _sketch["1"].Confirm(AccountSketch.Attempt('c'), 3));

        Assert.Equal(5U, decision.Answer!.AttemptsRemaining);
        Assert.Equal((AccountSketch.Attempt('c'), 0U), (decision.Change!.Event.Attempt, decision.Change.Event.AttemptsUsed));
    }

    [Fact]
    public void Decide_Accepted_SequenceDoesNotGoBack()
    {
        Account settled = Decide(_sketch.Read("A1(abc)"), _sketch["1"].Confirm(AccountSketch.Attempt('a'), 1)).Change!.Next;

        Assert.Equal(3UL, settled.Records[0].LastSequence);
    }

    [Fact]
    public void Decide_SequenceAtOrBelowTheLastConfirmed_IsAttemptUnknown()
    {
        // Only a store that was put back can hold such a charge; a Confirm recorded from before must not settle it.
        Account account = _sketch.Read("A1(a)");
        StoredRecord putBack = account.Records[0] with { ConfirmedAttempt = AccountSketch.Attempt('z'), ConfirmedSequence = 1 };

        Decision<StateAnswer> decision = Decide(account.With(putBack), _sketch["1"].Confirm(AccountSketch.Attempt('a'), 1));

        Assert.Equal("ATTEMPT_UNKNOWN", RuleTable.AnswerOf(decision));
    }

    [Theory]
    [InlineData("A1(a)")]
    [InlineData("A1[a]")]
    [InlineData("P1(a)")]
    public void Decide_SignatureOfAnythingElse_IsBadSignature(string before)
    {
        Account account = _sketch.Read(before);
        ClientRecord record = _sketch["1"];
        AttemptId attempt = AccountSketch.Attempt('a');
        byte[] body = SignatureBody.Confirm(attempt, 1);
        IEnumerable<byte[]> wrong = WrongSignatures.For(record, record.Confirmer, SignaturePurpose.Confirm, SignaturePurpose.Activate, body);
        foreach (byte[] signature in wrong.Append(record.Sign(record.Owner, SignaturePurpose.Confirm, body)))
        {
            Decision<StateAnswer> decision = Decide(account, new ConfirmCall(record.Id, attempt, 1, signature));

            Assert.Equal(("BAD_SIGNATURE", before), (RuleTable.AnswerOf(decision), _sketch.After(account, decision)));
        }
    }

    private Decision<StateAnswer> Decide(Account account, ConfirmCall call) =>
        ConfirmRule.Decide(account, call, _sketch["1"].Account, ClientRecord.Node);
}
