using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>An operator can be rid of an account whose rows do not authenticate, and nobody else loses anything by it.</summary>
public sealed class ForcedDestructionTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _victim = Samples.NewAccount();
    private readonly AccountId _other = Samples.NewAccount();
    private readonly StoredRecord _record;
    private readonly StoredRecord _otherRecord;

    public ForcedDestructionTests() => (_record, _otherRecord) = (Samples.Record(_victim, 7), Samples.Record(_other));

    public static TheoryData<string> Edits => TamperingTests.Edits;

    [Theory]
    [InlineData("UPDATE accounts SET highest_generation = 9223372036854775807 WHERE id = 1")]
    [InlineData("UPDATE records SET charges = x'' WHERE id = 1")]
    [InlineData("DELETE FROM accounts WHERE id = 1")]
    [InlineData("UPDATE bodies SET body = x'' WHERE id = 1")]
    public async Task DestroyTampered_AccountThatIsRefused_IsDestroyedAndTheUserCanEnrolAgain(string edit)
    {
        await FillAsync();
        _folder.Tamper(edit);
        await using SqliteAccountStore store = _folder.Open();
        await Assert.ThrowsAsync<StorageException>(() => store.ReadAsync(_victim));

        Destruction done = store.DestroyTampered(_victim, store.SuspectsOf(_victim));

        Assert.Equal(new Destruction(1, 1, true), done);
        Account found = await store.ReadAsync(_victim);
        Assert.Equal(7UL, found.HighestGeneration);
        Assert.Equal(new Tombstone(_record.Id, 7, DestroyReason.DestroyedByOperator), Assert.Single(found.Tombstones));
        Assert.DoesNotContain(Convert.ToHexString(_record.SealedPart.Span), Convert.ToHexString(_folder.BytesOnDisk()), StringComparison.Ordinal);
        await store.AddAsync(_victim, Samples.Record(_victim, 8));
        Assert.Single((await store.ReadAsync(_victim)).Records);
        Assert.NotNull((await store.EvaluateAsync(_other, _otherRecord.Id)).Answer);
        AuditRow last = (await store.ReadAuditAsync(_victim))[^2];
        Assert.Equal((AuditKind.DestroyedByOperator, true), (last.Entry!.Event.Kind, last.IsAuthentic));
    }

    [Fact]
    public async Task DestroyTampered_SlotOfAnotherAccount_LeavesThatAccountsPart()
    {
        await FillAsync();
        _folder.Tamper("UPDATE records SET slot = 2 WHERE id = 1");
        await using SqliteAccountStore store = _folder.Open();

        // The HSM opened nothing as the victim's.
        Destruction done = store.DestroyTampered(_victim, []);

        Assert.Equal((1, 0), (done.Records, done.Erased));
        Assert.NotNull((await store.EvaluateAsync(_other, _otherRecord.Id)).Answer);
        Assert.Empty((await store.ReadAsync(_victim)).Records);
    }

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task DestroyTampered_AfterAnyEdit_MakesTheAccountWholeAndKeepsTheOther(string edit)
    {
        await FillAsync();
        _folder.Tamper(edit);
        await using SqliteAccountStore store = _folder.Open();
        try
        {
            store.DestroyTampered(_victim, []);
        }
        catch (InvalidCastException)
        {
            Assert.Fail("a value of another type");
        }

        Assert.Empty((await store.ReadAsync(_victim)).Records);
        Assert.NotNull((await store.EvaluateAsync(_other, _otherRecord.Id)).Answer);
    }

    [Fact]
    public async Task Refusal_OfATamperedAccount_IsCountedInStatusOverRestartsUntilItIsDestroyed()
    {
        await FillAsync();
        _folder.Tamper("UPDATE records SET charges = x'' WHERE id = 1");
        await using (SqliteAccountStore store = _folder.Open())
        {
            await Assert.ThrowsAsync<StorageException>(() => store.ReadAsync(_victim));
            await Assert.ThrowsAsync<StorageException>(() => store.EvaluateAsync(_victim, _record.Id));
        }

        await using SqliteAccountStore restarted = _folder.Open();
        StoreStatus status = await restarted.ReadStatusAsync(CancellationToken.None);
        Assert.Equal((0L, 1, 1), (status.TamperedSeen, status.Refused.Count, status.StillRefused));
        Assert.Equal(restarted.RowOf(_victim).ToArray(), status.Refused[0].Row);

        restarted.DestroyTampered(_victim, []);
        Assert.Empty((await restarted.ReadStatusAsync(CancellationToken.None)).Refused);
    }

    [Fact]
    public async Task Status_AccountThatWasPutRightAgain_SaysThatItWasRefusedAndIsNot()
    {
        await FillAsync();
        _folder.Tamper("UPDATE records SET stored_ms = stored_ms + 1 WHERE id = 1");
        await using (SqliteAccountStore store = _folder.Open())
        {
            await Assert.ThrowsAsync<StorageException>(() => store.ReadAsync(_victim));
        }

        _folder.Tamper("UPDATE records SET stored_ms = stored_ms - 1 WHERE id = 1");
        await using SqliteAccountStore again = _folder.Open();
        StoreStatus status = await again.ReadStatusAsync(CancellationToken.None);
        Assert.Equal((1, 0), (status.Refused.Count, status.StillRefused));
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Account 1 with record 1 in slot 1, account 2 with record 2 in slot 2, and a third for the edits that take from it.</summary>
    private async Task FillAsync()
    {
        AccountId third = Samples.NewAccount();
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_victim, _record);
        await store.AddAsync(_other, _otherRecord);
        await store.AddAsync(third, Samples.Record(third));
        await store.EvaluateAsync(_victim, _record.Id);
    }
}
