using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>Deposit: every state and condition (protocol.md section 11). Everything in an account was stored at time 0.</summary>
public sealed class DepositRuleTests
{
    private static readonly byte[] SealedPart = [9, 9, 9];

    private readonly AccountSketch _sketch = new();

    [Theory]
    //          before      deposited             now ms  answer                        after           audited
    // the first record
    [InlineData("", "1", 0, "PENDING", "P1", "Deposited")]
    [InlineData("", "7", 0, "PENDING", "P7", "Deposited")]
    [InlineData("D1", "2", 0, "PENDING", "D1 P2", "Deposited")]
    // a PENDING record in the way
    [InlineData("P1", "2", 0, "PENDING_EXISTS 60.001s", "P1", "none")]
    [InlineData("P1", "2 pending 1", 0, "PENDING_EXISTS 60.001s", "P1", "none")]
    [InlineData("P1", "2 pending 1", 45_000, "PENDING_EXISTS 15.001s", "P1", "none")]
    [InlineData("P1", "2 pending 1", 60_000, "PENDING_EXISTS 0.001s", "P1", "none")]
    [InlineData("P1", "2 pending 1", 60_001, "PENDING", "D1 P2", "Deposited")]
    [InlineData("P1", "2", 90_000, "PENDING_EXISTS 0s", "P1", "none")]
    [InlineData("P1", "2 pending 3", 90_000, "PENDING_EXISTS 0s", "P1", "none")]
    [InlineData("P1(abcde)", "2 pending 1", 60_001, "PENDING", "D1 P2", "Deposited")]
    [InlineData("P3", "2 pending 3", 60_001, "PENDING", "P2 D3", "Deposited")]
    [InlineData("A1", "2 by 1 pending 3", 0, "PENDING", "A1 P2", "Deposited")]
    // an ACTIVE or SUPERSEDED record to replace
    [InlineData("A1", "2 by 1", 0, "PENDING", "A1 P2", "Deposited")]
    [InlineData("S1 A2", "3 by 2", 0, "PENDING", "S1 A2 P3", "Deposited")]
    [InlineData("S1 A2", "3 by 1", 0, "PENDING", "S1 A2 P3", "Deposited")]
    [InlineData("A1(abcde)", "2 by 1", 0, "PENDING", "A1(abcde) P2", "Deposited")]
    [InlineData("A1 P2", "3 by 1 pending 2", 60_001, "PENDING", "A1 D2 P3", "Deposited")]
    [InlineData("A1", "2", 0, "BAD_SIGNATURE", "A1", "none")]
    [InlineData("A1", "2 by 2", 0, "BAD_SIGNATURE", "A1", "none")]
    [InlineData("A1", "2 by 9", 0, "BAD_SIGNATURE", "A1", "none")]
    [InlineData("D1 A2", "3 by 1", 0, "BAD_SIGNATURE", "D1 A2", "none")]
    [InlineData("A1 P2", "3 by 2 pending 2", 60_001, "BAD_SIGNATURE", "A1 P2", "none")]
    // generations
    [InlineData("A2", "1 by 2", 0, "STALE_GENERATION", "A2", "none")]
    [InlineData("A2", "2x by 2", 0, "STALE_GENERATION", "A2", "none")]
    [InlineData("S1 A3", "2 by 3", 0, "STALE_GENERATION", "S1 A3", "none")]
    [InlineData("D3", "2", 0, "PENDING", "P2 D3", "Deposited")]
    [InlineData("A1 D3", "2 by 1", 0, "PENDING", "A1 P2 D3", "Deposited")]
    // sent again
    [InlineData("P1", "1", 0, "PENDING", "P1", "none")]
    [InlineData("A1", "1", 0, "ACTIVE", "A1", "none")]
    [InlineData("S1 A2", "1", 0, "SUPERSEDED", "S1 A2", "none")]
    [InlineData("A1 P2", "1", 0, "ACTIVE", "A1 P2", "none")]
    [InlineData("D1", "1", 0, "RECORD_DESTROYED", "D1", "none")]
    [InlineData("D1 A2", "1 by 2", 0, "RECORD_DESTROYED", "D1 A2", "none")]
    public void Decide_ValidDeposit_FollowsTheTable(
        string before, string deposited, long nowMs, string answer, string after, string audited)
    {
        Account account = _sketch.Read(before);

        Decision<StateAnswer> decision = Decide(account, Read(deposited), nowMs);

        Assert.Equal((answer, after, audited), (RuleTable.AnswerOf(decision), _sketch.After(account, decision), RuleTable.Audited(decision)));
    }

    [Theory]
    [InlineData("P1", "PENDING")]
    [InlineData("A1", "ACTIVE")]
    [InlineData("S1 A2", "SUPERSEDED")]
    public void Known_SameHeaderAndShare_AnswersThePresentStateWhateverTheSignatures(string before, string answer)
    {
        Deposit resent = _sketch["1"].Deposit() with { DepositSignature = new byte[64], Replacement = new Replacement(RecordId.Draw(), new byte[64]) };

        Assert.Equal(answer, RuleTable.AnswerOf(DepositRule.Known(_sketch.Read(before), resent)!));
    }

    [Theory]
    [InlineData("P1")]
    [InlineData("A1")]
    [InlineData("S1 A2")]
    public void Known_OtherShareOrHeaderUnderAStoredId_IsRecordConflict(string before)
    {
        Account account = _sketch.Read(before);
        ClientRecord record = _sketch["1"];

        Decision<StateAnswer>? otherShare = DepositRule.Known(account, record.Deposit() with { MaskedShare = new byte[32] });
        Decision<StateAnswer>? otherHeader = DepositRule.Known(account, new ClientRecord(1, record.Id).Deposit());

        Assert.Equal(("RECORD_CONFLICT", "RECORD_CONFLICT"), (RuleTable.AnswerOf(otherShare!), RuleTable.AnswerOf(otherHeader!)));
    }

    [Fact]
    public void Known_NewRecordId_IsNull() => Assert.Null(DepositRule.Known(_sketch.Read("S1 A2 P3 D4"), _sketch["5"].Deposit()));

    [Fact]
    public void Verify_GoodDeposit_IsNull() => Assert.Null(Verify(_sketch["1"].Deposit()));

    [Fact]
    public void Verify_EnvelopeOfAnotherDigest_NamesTheEnvelope()
    {
        Refusal? refusal = Verify(_sketch["1"].Deposit() with { Envelope = new byte[285] });

        Assert.Equal((RefusalReason.InvalidRequest, "envelope"), (refusal!.Reason, refusal.Fault!.Field));
    }

    [Fact]
    public void Verify_SignatureOfAnythingElse_IsBadSignature()
    {
        ClientRecord record = _sketch["1"];
        byte[] body = SignatureBody.Deposit(record.Header.Hash.Span, record.MaskedShare);
        foreach (byte[] signature in WrongSignatures.For(record, record.Owner, SignaturePurpose.Deposit, SignaturePurpose.Activate, body))
        {
            Assert.Equal(RefusalReason.BadSignature, Verify(record.Deposit() with { DepositSignature = signature })?.Reason);
        }
    }

    [Fact]
    public void Verify_AnotherShareThanSigned_IsBadSignature() =>
        Assert.Equal(RefusalReason.BadSignature, Verify(_sketch["1"].Deposit() with { MaskedShare = new byte[32] })?.Reason);

    [Fact]
    public void Decide_ReplaceSignatureOfAnythingElse_IsBadSignature()
    {
        Account account = _sketch.Read("A1");
        ClientRecord next = _sketch["2"];
        byte[] body = SignatureBody.Replace(next.Header.Hash.Span);
        foreach (byte[] signature in WrongSignatures.For(next, _sketch["1"].Owner, SignaturePurpose.Replace, SignaturePurpose.Deposit, body))
        {
            Deposit deposit = next.Deposit() with { Replacement = new Replacement(_sketch["1"].Id, signature) };

            Assert.Equal("BAD_SIGNATURE", RuleTable.AnswerOf(Decide(account, deposit, 0)));
        }
    }

    [Theory]
    [InlineData(0UL, 1UL << 33, true)]
    [InlineData(0UL, (1UL << 33) + 1, false)]
    [InlineData(5UL, (1UL << 33) + 5, true)]
    [InlineData(5UL, (1UL << 33) + 6, false)]
    [InlineData((1UL << 62) - 1, 1UL << 62, true)]
    public void Check_GenerationAboveTheHighest_FollowsAtMostTheReach(ulong highest, ulong generation, bool accepted)
    {
        Account account = Account.Empty with { HighestGeneration = highest };

        Refusal? refusal = Check(account, new ClientRecord(generation).Deposit(), 0);

        Assert.Equal(accepted ? null : "header.generation", refusal?.Fault?.Field);
    }

    [Fact]
    public void Check_AsManyLiveRecordsAsAnAccountMayHave_IsWrongStateUntilOneIsRetired()
    {
        Account full = _sketch.Read("S1 S2 S3 S4 S5 S6 S7 A8");
        Account room = _sketch.Read("S2 S3 S4 S5 S6 S7 A8");

        Assert.Equal(RefusalReason.WrongState, Check(full, Read("9 by 8"), 0)?.Reason);
        Assert.Null(Check(room, Read("9 by 8"), 0));
    }

    [Fact]
    public void Decide_Stored_KeepsWhatWasDeposited()
    {
        Account account = _sketch.Read("A1");
        Deposit deposit = Read("2 by 1");

        StoredRecord stored = Decide(account, deposit, 1234).Change!.Next.Pending!;

        Assert.Equal((deposit.Header, 1234L, 0UL), (stored.Header, stored.StoredMs, stored.LastSequence));
        Assert.Equal(deposit.Replacement, stored.Replacement);
        Assert.Equal(SealedPart, stored.SealedPart.ToArray());
        Assert.Equal(deposit.Envelope.ToArray(), stored.Envelope.ToArray());
        Assert.Equal(deposit.DepositSignature.ToArray(), stored.DepositSignature.ToArray());
    }

    [Fact]
    public void Decide_PendingStoredInTheFuture_IsHeldFromNow()
    {
        Account account = _sketch.Read("P1");
        StoredRecord ahead = account.Records[0] with { StoredMs = 1_000_000 };

        Assert.Equal("PENDING_EXISTS 60.001s", RuleTable.AnswerOf(Decide(account.With(ahead), Read("2 pending 1"), 500_000)));
    }

    /// <summary>A deposit as the table writes it: the record, "by" whose owner key it replaces, the "pending" one it names.</summary>
    private Deposit Read(string text)
    {
        string[] words = text.Split(' ');
        ClientRecord? replaced = Array.IndexOf(words, "by") is var by and >= 0 ? _sketch[words[by + 1]] : null;
        RecordId? pending = Array.IndexOf(words, "pending") is var named and >= 0 ? _sketch[words[named + 1]].Id : null;
        return _sketch[words[0]].Deposit(replaced, pending);
    }

    private Refusal? Verify(Deposit deposit) => DepositRule.Verify(deposit, _sketch["1"].Account, ClientRecord.Node);

    private Refusal? Check(Account account, Deposit deposit, long nowMs) =>
        DepositRule.Check(account, deposit, _sketch["1"].Account, ClientRecord.Node, nowMs);

    private Decision<StateAnswer> Decide(Account account, Deposit deposit, long nowMs) =>
        DepositRule.Decide(account, deposit, SealedPart, _sketch["1"].Account, ClientRecord.Node, nowMs);
}
