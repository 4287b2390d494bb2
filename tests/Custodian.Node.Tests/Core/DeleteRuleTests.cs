using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Core;

/// <summary>Delete: every state and every state believed (protocol.md section 11).</summary>
public sealed class DeleteRuleTests
{
    private readonly AccountSketch _sketch = new();

    [Theory]
    //          before      record  believed  answer            after           audited
    [InlineData("P1", "1", 'P', "DESTROYED", "D1", "Deleted")]
    [InlineData("A1 P2", "2", 'P', "DESTROYED", "A1 D2", "Deleted")]
    [InlineData("S1 A2", "1", 'S', "DESTROYED", "D1 A2", "Deleted")]
    [InlineData("A1", "1", 'A', "DESTROYED", "D1", "Deleted")]
    [InlineData("S1 A2(a) P3", "2", 'A', "DESTROYED", "D1 D2 D3", "Deleted")]
    [InlineData("P1", "1", 'A', "WRONG_STATE", "P1", "none")]
    [InlineData("P1", "1", 'S', "WRONG_STATE", "P1", "none")]
    [InlineData("A1", "1", 'P', "WRONG_STATE", "A1", "none")]
    [InlineData("A1", "1", 'S', "WRONG_STATE", "A1", "none")]
    [InlineData("S1 A2", "1", 'A', "WRONG_STATE", "S1 A2", "none")]
    [InlineData("S1 A2", "1", 'P', "WRONG_STATE", "S1 A2", "none")]
    [InlineData("D1", "1", 'A', "DESTROYED", "D1", "none")]
    [InlineData("D1 A2", "1", 'P', "DESTROYED", "D1 A2", "none")]
    [InlineData("A2", "1", 'A', "RECORD_NOT_FOUND", "A2", "none")]
    [InlineData("", "1", 'P', "RECORD_NOT_FOUND", "", "none")]
    public void Decide_SignedByOwner_FollowsTheTable(
        string before, string record, char believed, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = Decide(account, _sketch[record].Delete(AccountSketch.StateOf(believed)));

        Assert.Equal((answer, after, audited), (RuleTable.AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Theory]
    [InlineData("P1", 'P')]
    [InlineData("A1", 'A')]
    [InlineData("S1 A2", 'S')]
    public void Decide_SignatureOfAnythingElse_IsBadSignature(string before, char state)
    {
        Account account = _sketch.Read(before);
        ClientRecord record = _sketch["1"];
        RecordState believed = AccountSketch.StateOf(state);
        byte[] body = SignatureBody.Delete(believed, record.Header.Hash.Span);
        foreach (byte[] signature in WrongSignatures.For(record, record.Owner, SignaturePurpose.Delete, SignaturePurpose.Activate, body))
        {
            Decision<StateAnswer> decision = Decide(account, new DeleteCall(record.Id, believed, signature));

            Assert.Equal(("BAD_SIGNATURE", before), (RuleTable.AnswerOf(decision), _sketch.After(account, decision)));
        }
    }

    [Fact]
    public void Decide_SignedForAnotherStateThanSent_IsBadSignature()
    {
        Account account = _sketch.Read("A1");
        DeleteCall signedForPending = _sketch["1"].Delete(RecordState.Pending);

        Decision<StateAnswer> decision = Decide(account, signedForPending with { Believed = RecordState.Active });

        Assert.Equal("BAD_SIGNATURE", RuleTable.AnswerOf(decision));
    }

    [Theory]
    [InlineData("S1 A2 P3", "DESTROYED", "D1 D2 D3", "DestroyedByOperator")]
    [InlineData("P1", "DESTROYED", "D1", "DestroyedByOperator")]
    [InlineData("D1", "RECORD_NOT_FOUND", "D1", "none")]
    [InlineData("", "RECORD_NOT_FOUND", "", "none")]
    public void DecideForOperator_AnyAccount_DestroysEveryRecord(string before, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = DeleteRule.DecideForOperator(account);

        Assert.Equal((answer, after, audited), (RuleTable.AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    private Decision<StateAnswer> Decide(Account account, DeleteCall call) =>
        DeleteRule.Decide(account, call, _sketch["1"].Account, ClientRecord.Node);
}
