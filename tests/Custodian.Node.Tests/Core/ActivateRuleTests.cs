using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>Activate: every state (protocol.md section 11).</summary>
public sealed class ActivateRuleTests
{
    private static readonly AccountId Owner = AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, ClientRecord.Subject);

    private readonly AccountSketch _sketch = new();

    [Theory]
    //          before          record  answer               after           audited
    [InlineData("P1", "1", "ACTIVE", "A1", "Activated")]
    [InlineData("A1 P2", "2", "ACTIVE", "S1 A2", "Activated")]
    [InlineData("S1 A2 P3", "3", "ACTIVE", "S1 S2 A3", "Activated")]
    [InlineData("P1(ab)", "1", "ACTIVE", "A1(ab)", "Activated")]
    [InlineData("A1(a) P2(b)", "2", "ACTIVE", "S1(a) A2(b)", "Activated")]
    [InlineData("A1", "1", "ACTIVE", "A1", "none")]
    [InlineData("S1 A2", "2", "ACTIVE", "S1 A2", "none")]
    [InlineData("S1 A2", "1", "WRONG_STATE", "S1 A2", "none")]
    [InlineData("D1", "1", "RECORD_DESTROYED", "D1", "none")]
    [InlineData("A1", "2", "RECORD_NOT_FOUND", "A1", "none")]
    [InlineData("", "1", "RECORD_NOT_FOUND", "", "none")]
    public void Decide_SignedByOwner_FollowsTheTable(string before, string record, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = Decide(account, _sketch[record].Activate());

        Assert.Equal((answer, after, audited), (RuleTable.AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Theory]
    [InlineData("P1")]
    [InlineData("A1")]
    [InlineData("S1 A2")]
    public void Decide_SignatureOfAnythingElse_IsBadSignature(string before)
    {
        Account account = _sketch.Read(before);
        ClientRecord record = _sketch["1"];
        byte[] body = SignatureBody.Activate(record.Header.Hash.Span);
        foreach (byte[] signature in WrongSignatures.For(record, record.Owner, SignaturePurpose.Activate, SignaturePurpose.Retire, body))
        {
            Decision<StateAnswer> decision = Decide(account, new SignedCall(record.Id, signature));

            Assert.Equal(("BAD_SIGNATURE", before), (RuleTable.AnswerOf(decision), _sketch.After(account, decision)));
        }
    }

    private static Decision<StateAnswer> Decide(Account account, SignedCall call) =>
        ActivateRule.Decide(account, call, Owner, ClientRecord.Node);
}
