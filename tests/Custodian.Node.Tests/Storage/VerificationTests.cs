using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>What <c>custodian verify</c> finds in a database that somebody edited, and that it finds nothing in one that nobody did.</summary>
public sealed class VerificationTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _victim = Samples.NewAccount();
    private readonly AccountId _other = Samples.NewAccount();
    private readonly StoredRecord _record;
    private readonly StoredRecord _otherRecord;

    public VerificationTests() => (_record, _otherRecord) = (Samples.Record(_victim), Samples.Record(_other));

    /// <summary>Each edit that a call refuses, of <see cref="TamperingTests"/>.</summary>
    public static TheoryData<string> Edits => TamperingTests.Edits;

    [Fact]
    public async Task Verify_DatabaseThatLivedThroughEverything_IsSound()
    {
        await FillAsync();
        VerificationReport report = Verify();

        Assert.Empty(report.Findings);
        Assert.True(report.IsSound);
        Assert.Equal((3, 3, 9, 1), (report.Accounts, report.Records, report.AuditEntries, report.FreeSlots));
    }

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task Verify_RowEdited_FindsItAndLeavesTheOthersUnnamed(string edit)
    {
        await FillAsync();
        _folder.Tamper(edit);
        VerificationReport report = Verify();

        Assert.NotEmpty(report.Findings);
        string[] innocent = [RowPrefix(_other)];
        Assert.All(report.Findings, f => Assert.DoesNotContain(f.Account, innocent));
        Assert.All(report.Findings, f => Assert.NotEmpty(f.Next));
    }

    [Theory]
    [InlineData("DELETE FROM accounts WHERE id = 1", "account", "the audit log knows the account, and its row is gone")]
    [InlineData("DELETE FROM accounts WHERE id = 1", "record", "the record row belongs to no account")]
    [InlineData("DELETE FROM records WHERE id = 1", "record", "the audit log says that the record is PENDING, and its row is gone")]
    [InlineData("DELETE FROM records WHERE id = 1", "body", "the body belongs to no record")]
    [InlineData("DELETE FROM records WHERE id = 1", "slot", "the sealed part belongs to no record")]
    [InlineData("DELETE FROM sealed_parts WHERE slot = 1", "record", "the record's sealed part is gone")]
    [InlineData("DELETE FROM bodies WHERE id = 1", "record", "the record's body is gone")]
    [InlineData("UPDATE records SET charges = x'' WHERE id = 1", "record", "does not authenticate: it was edited or exchanged")]
    [InlineData("UPDATE bodies SET body = randomblob(length(body)) WHERE id = 1", "record", "the record's body does not open")]
    [InlineData("DELETE FROM audit WHERE id = 2", "audit", "does not follow the one before it")]
    [InlineData("DELETE FROM audit WHERE id = 1", "audit", "does not follow the one before it")]
    [InlineData("UPDATE audit SET entry = x'00' WHERE id = 2", "audit", "was edited, copied or moved")]
    [InlineData("UPDATE sealed_parts SET part = randomblob(length(part)) WHERE slot IN (SELECT slot FROM free_slots)", "slot", "is not zeros of its size")]
    [InlineData("DELETE FROM sealed_parts WHERE slot IN (SELECT slot FROM free_slots)", "slot", "is not zeros of its size")]
    [InlineData("DELETE FROM free_slots", "slot", "not listed as free")]
    [InlineData("INSERT INTO free_slots VALUES (1, 512)", "record", "lies in a slot that is listed as free")]
    [InlineData("UPDATE records SET slot = 2 WHERE id = 1", "slot", "two record rows point to the same sealed part")]
    [InlineData("CREATE TRIGGER undo AFTER UPDATE ON records BEGIN SELECT 1; END", "schema", "are not those that this program makes")]
    [InlineData("UPDATE accounts SET row = x'01' WHERE id = 1", "account", "is no name that the node makes")]
    public async Task Verify_OneThingWrong_SaysWhat(string edit, string part, string what)
    {
        await FillAsync();
        _folder.Tamper(edit);
        VerificationReport report = Verify();

        Assert.Contains(report.Findings, f => f.Part == part && f.What.Contains(what, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Verify_AccountPutBackAndItsEntryRemovedFromTheMiddle_ShowsWhereTheLogWasCut()
    {
        await FillAsync();
        string kept = _folder.PathOf("kept");
        _folder.Tamper($"ATTACH '{kept}' AS kept; CREATE TABLE kept.records AS SELECT * FROM main.records; CREATE TABLE kept.accounts AS SELECT * FROM main.accounts");
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.EvaluateAsync(_victim, _record.Id);
            await store.EvaluateAsync(_other, _otherRecord.Id);
        }

        _folder.Tamper("DELETE FROM audit WHERE id = (SELECT max(id) - 1 FROM audit)");
        foreach (string table in (string[])["records", "accounts"])
        {
            _folder.Tamper($"ATTACH '{kept}' AS kept; INSERT OR REPLACE INTO main.{table} SELECT * FROM kept.{table} WHERE id = 1");
        }

        Finding finding = Assert.Single(Verify().Findings);
        Assert.Equal("audit", finding.Part);
    }

    [Fact]
    public async Task Verify_WhileTheNodeWrites_FindsNothing()
    {
        await FillAsync();
        await using SqliteAccountStore store = _folder.Open();
        using var stop = new CancellationTokenSource();
        Task writing = WriteUntilAsync(store, stop.Token);
        for (int i = 0; i < 5; i++)
        {
            Assert.Empty(Verify().Findings);
        }

        await stop.CancelAsync();
        await writing;
    }

    [Fact]
    public async Task Verify_FlippedBytesInAnyPage_IsFoundOrChangesNothing()
    {
        await FillAsync();
        byte[] whole = await File.ReadAllBytesAsync(_folder.Options.Path);
        int missed = 0;
        for (int page = 0; page < whole.Length / 4096; page++)
        {
            byte[] flipped = [.. whole];
            for (int at = page == 0 ? 100 : 0; at < 4096; at += 8)
            {
                flipped[(page * 4096) + at] ^= 0xFF;
            }

            await File.WriteAllBytesAsync(_folder.Options.Path, flipped);
            missed += IsFound() ? 0 : 1;
        }

        Assert.Equal(0, missed);
    }

    public void Dispose() => _folder.Dispose();

    private bool IsFound()
    {
        try
        {
            return !Verify().IsSound;
        }
        catch (StorageException)
        {
            // Refused at the door, with a message.
            return true;
        }
    }

    private VerificationReport Verify()
    {
        using NodeSecrets secrets = _folder.Secrets();
        return new DatabaseVerifier(_folder.Options, secrets, new VerificationProgress(_ => { }, TimeProvider.System)).Run(CancellationToken.None);
    }

    private string RowPrefix(AccountId account)
    {
        using NodeSecrets secrets = _folder.Secrets();
        return Convert.ToHexStringLower(RowMacs.NameOf(secrets, account).AsSpan(0, 8));
    }

    /// <summary>The victim's record 1 in slot 1; another's; and an account whose record was destroyed and whose slot is free.</summary>
    private async Task FillAsync()
    {
        AccountId third = Samples.NewAccount();
        StoredRecord destroyed = Samples.Record(third, sealedSize: 700);
        StoredRecord bystander = Samples.Record(third, 2);
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_victim, _record);
        await store.AddAsync(_other, _otherRecord);
        await store.AddAsync(third, bystander);
        await store.AddAsync(third, destroyed);
        await store.DestroyAsync(third, destroyed.Id);
        await store.EvaluateAsync(_victim, _record.Id);
        await store.EvaluateAsync(_other, _otherRecord.Id);
        await store.EvaluateAsync(third, bystander.Id);
        await store.AppendAuditAsync(_other, AuditKind.ShownToOperator, CancellationToken.None);
    }

    private static async Task WriteUntilAsync(SqliteAccountStore store, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            AccountId account = Samples.NewAccount();
            StoredRecord record = Samples.Record(account);
            await store.AddAsync(account, record);
            await store.DestroyAsync(account, record.Id);
        }
    }
}
