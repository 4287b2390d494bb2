using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>Retire: every state, and whose key it takes (protocol.md section 11).</summary>
public sealed class RetireRuleTests
{
    private readonly AccountSketch _sketch = new();

    [Theory]
    //          before      record  signer  answer              after       audited
    [InlineData("S1 A2", "1", "2", "DESTROYED", "D1 A2", "Retired")]
    [InlineData("S1 S2 A3 P4", "2", "3", "DESTROYED", "S1 D2 A3 P4", "Retired")]
    [InlineData("S1(ab) A2", "1", "2", "DESTROYED", "D1 A2", "Retired")]
    [InlineData("S1 A2", "1", "1", "BAD_SIGNATURE", "S1 A2", "none")]
    [InlineData("S1 A2 P3", "1", "3", "BAD_SIGNATURE", "S1 A2 P3", "none")]
    [InlineData("A1", "1", "1", "WRONG_STATE", "A1", "none")]
    [InlineData("P1", "1", "1", "WRONG_STATE", "P1", "none")]
    [InlineData("A1 P2", "2", "1", "WRONG_STATE", "A1 P2", "none")]
    [InlineData("D1 A2", "1", "2", "DESTROYED", "D1 A2", "none")]
    [InlineData("D1 A2", "1", "9", "DESTROYED", "D1 A2", "none")]
    [InlineData("A2", "1", "2", "RECORD_NOT_FOUND", "A2", "none")]
    [InlineData("", "1", "1", "RECORD_NOT_FOUND", "", "none")]
    public void Decide_SignedBy_FollowsTheTable(
        string before, string record, string signer, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = Decide(account, _sketch[record].Retire(_sketch[signer]));

        Assert.Equal((answer, after, audited), (RuleTable.AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Fact]
    public void Decide_SignatureOfAnythingElse_IsBadSignature()
    {
        Account account = _sketch.Read("S1 A2");
        ClientRecord record = _sketch["1"];
        byte[] body = SignatureBody.Retire(record.Header.Hash.Span);
        foreach (byte[] signature in WrongSignatures.For(record, _sketch["2"].Owner, SignaturePurpose.Retire, SignaturePurpose.Activate, body))
        {
            Assert.Equal("BAD_SIGNATURE", RuleTable.AnswerOf(Decide(account, new SignedCall(record.Id, signature))));
        }
    }

    private Decision<StateAnswer> Decide(Account account, SignedCall call) =>
        RetireRule.Decide(account, call, _sketch["1"].Account, ClientRecord.Node);
}
