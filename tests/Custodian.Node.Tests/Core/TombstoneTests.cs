using System.Globalization;
using Custodian.Core;
using Custodian.Node.Tests.Records;

namespace Custodian.Node.Tests.Core;

/// <summary>What an account keeps of destroyed records, and what that protects (protocol.md section 11).</summary>
public sealed class TombstoneTests
{
    private readonly AccountSketch _sketch = new();

    [Fact]
    public void Destroy_SixteenRecords_KeepsEveryTombstone()
    {
        Account account = Buried(16);

        Assert.Equal((16, 0UL, 16UL), (account.Tombstones.Length, account.ForgottenGeneration, account.HighestGeneration));
    }

    [Fact]
    public void Destroy_ASeventeenth_ForgetsTheLowestGenerationAndRemembersHowHighItWas()
    {
        Account account = Buried(18);

        Assert.Equal("D3 D4 D5 D6 D7 D8 D9 D10 D11 D12 D13 D14 D15 D16 D17 D18", _sketch.Write(account));
        Assert.Equal((2UL, 18UL), (account.ForgottenGeneration, account.HighestGeneration));
    }

    [Theory]
    [InlineData("1", "STALE_GENERATION")]
    [InlineData("2", "STALE_GENERATION")]
    [InlineData("2x", "STALE_GENERATION")]
    [InlineData("3", "RECORD_DESTROYED")]
    [InlineData("3x", "PENDING")]
    [InlineData("19", "PENDING")]
    public void Deposit_AfterForgetting_NoRecordComesBack(string record, string answer) =>
        Assert.Equal(answer, RuleTable.AnswerOf(Deposit(Buried(18), record)));

    [Fact]
    public void Delete_ActiveRecord_CountsEveryRecordOfTheAccount()
    {
        Account account = _sketch.Read("S1 S2 A3 P4");

        Account next = DeleteRule.Decide(
            account, _sketch["3"].Delete(Protocol.Wire.RecordState.Active), _sketch["3"].Account, ClientRecord.Node).Change!.Next;

        Assert.Equal(
            [DestroyReason.Deleted, DestroyReason.Deleted, DestroyReason.Deleted, DestroyReason.Deleted],
            next.Tombstones.Select(t => t.Reason));
        Assert.Empty(next.Records);
        Assert.Equal(4UL, next.HighestGeneration);
    }

    [Fact]
    public void Destroy_HighestGeneration_StaysKnown()
    {
        Account account = _sketch.Read("P9");

        Account next = account.Destroy(account.Records[0], DestroyReason.Replaced);

        Assert.Equal((9UL, "D9"), (next.HighestGeneration, _sketch.Write(next)));
    }

    private Account Buried(int count)
    {
        Account account = Account.Empty;
        for (int generation = 1; generation <= count; generation++)
        {
            string name = generation.ToString(CultureInfo.InvariantCulture);
            account = Deposit(account, name).Change!.Next;
            account = account.Destroy(account.Pending!, DestroyReason.Deleted);
        }

        return account;
    }

    private Decision<StateAnswer> Deposit(Account account, string record) =>
        DepositRule.Decide(account, _sketch[record].Deposit(), new byte[1], _sketch[record].Account, ClientRecord.Node, 0);
}
