using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Storage;

/// <summary>
/// Someone with the database's file and without the node's HSM edits it: the account concerned is refused, reported and left alone, and
/// the others are served.
/// </summary>
public sealed class TamperingTests : IDisposable
{
    private const string VictimRecord = "account = 1 AND id = 1";

    private readonly StoreFolder _folder = new();
    private readonly AccountId _victim = Samples.NewAccount();
    private readonly AccountId _other = Samples.NewAccount();
    private readonly AccountId _bystander = Samples.NewAccount();
    private readonly StoredRecords _records;

    public TamperingTests() => _records = new StoredRecords(Samples.Record(_victim), Samples.Record(_other), Samples.Record(_bystander));

    /// <summary>Every column that a rule depends on, and every row that could come, go or change places.</summary>
    public static TheoryData<string> Edits => new()
    {
        { "UPDATE accounts SET row = randomblob(32) WHERE id = 1" },
        { "UPDATE accounts SET highest_generation = highest_generation + 1 WHERE id = 1" },
        { "UPDATE accounts SET forgotten_generation = forgotten_generation + 1 WHERE id = 1" },
        { "UPDATE accounts SET tombstones = CAST(randomblob(24) || x'01' AS BLOB) WHERE id = 1" },
        { "UPDATE accounts SET tombstones = randomblob(7) WHERE id = 1" },
        { "UPDATE accounts SET newest_audit = randomblob(16) WHERE id = 1" },
        { "UPDATE accounts SET newest_audit = (SELECT newest_audit FROM accounts WHERE id = 3) WHERE id = 1" },
        { "UPDATE accounts SET mac = (SELECT mac FROM accounts WHERE id = 3) WHERE id = 1" },
        { "UPDATE accounts SET mac = x'' WHERE id = 1" },
        { "DELETE FROM accounts WHERE id = 1" },
        { $"UPDATE records SET record_id = randomblob(16) WHERE {VictimRecord}" },
        { $"UPDATE records SET state = 3 WHERE {VictimRecord}" },
        { $"UPDATE records SET state = 9223372036854775807 WHERE {VictimRecord}" },
        { $"UPDATE records SET charges = x'' WHERE {VictimRecord}" },
        { $"UPDATE records SET charges = substr(charges, 1, 10) WHERE {VictimRecord}" },
        { $"UPDATE records SET last_sequence = last_sequence - 1 WHERE {VictimRecord}" },
        { $"UPDATE records SET confirmed_attempt = randomblob(16) WHERE {VictimRecord}" },
        { $"UPDATE records SET confirmed_sequence = 5 WHERE {VictimRecord}" },
        { $"UPDATE records SET stored_ms = 0 WHERE {VictimRecord}" },
        { $"UPDATE records SET slot = 3 WHERE {VictimRecord}" },
        { $"UPDATE records SET slot = 999 WHERE {VictimRecord}" },
        { $"UPDATE records SET body_tag = (SELECT body_tag FROM records WHERE id = 3) WHERE {VictimRecord}" },
        { $"UPDATE records SET mac = (SELECT mac FROM records WHERE id = 3) WHERE {VictimRecord}" },
        { $"DELETE FROM records WHERE {VictimRecord}" },
        { $"UPDATE records SET account = 999 WHERE {VictimRecord}" },
        { "INSERT INTO records SELECT 999, account, record_id, state, charges, last_sequence, confirmed_attempt, confirmed_sequence, stored_ms, slot, body_tag, mac FROM records WHERE id = 1" },
        { "INSERT INTO records SELECT 999, 1, record_id, state, charges, last_sequence, confirmed_attempt, confirmed_sequence, stored_ms, slot, body_tag, mac FROM records WHERE id = 3" },
        { "UPDATE bodies SET body = randomblob(length(body)) WHERE id = 1" },
        { "UPDATE bodies SET body = (SELECT body FROM bodies WHERE id = 3) WHERE id = 1" },
        { "UPDATE bodies SET body = x'' WHERE id = 1" },
        { "DELETE FROM bodies WHERE id = 1" },
        { "UPDATE sealed_parts SET part = (SELECT part FROM sealed_parts WHERE slot = 3) WHERE slot = 1" },
        { "UPDATE sealed_parts SET part = x'FFFFFFFF' WHERE slot = 1" },
        { "DELETE FROM sealed_parts WHERE slot = 1" },
        { "DELETE FROM audit WHERE id = (SELECT max(id) FROM audit WHERE account = (SELECT account FROM audit WHERE id = 1))" },
        { "DELETE FROM audit WHERE account = (SELECT account FROM audit WHERE id = 1)" },
        { "UPDATE audit SET entry = randomblob(100) WHERE account = (SELECT account FROM audit WHERE id = 1)" },
        { "UPDATE audit SET account = 5 WHERE account = (SELECT account FROM audit WHERE id = 1)" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task AnyCall_RowEdited_IsRefusedAndOthersAreServed(string edit)
    {
        await FillAsync();
        Assert.InRange(_folder.Tamper(edit), 1, 9);
        await using SqliteAccountStore store = _folder.Open();
        await AssertTamperedAsync(store, _victim);
        await AssertServedAsync(store, _bystander, _records.Bystander);
        Assert.Equal(2, _folder.Metrics.TamperedCount);
        Assert.Equal(2, (await store.ReadStatusAsync(CancellationToken.None)).TamperedSeen);
    }

    [Theory]
    [InlineData("UPDATE sealed_parts SET slot = slot + 100 WHERE slot IN (1, 2)", "UPDATE sealed_parts SET slot = 103 - slot WHERE slot > 100")]
    [InlineData("UPDATE records SET account = 3 - account WHERE account IN (1, 2)")]
    [InlineData("UPDATE records SET slot = 3 - slot WHERE slot IN (1, 2)")]
    [InlineData("UPDATE bodies SET id = id + 100 WHERE id IN (1, 2)", "UPDATE bodies SET id = 103 - id WHERE id > 100")]
    public async Task AnyCall_RowsOfTwoAccountsExchanged_BothAreRefused(params string[] edits)
    {
        await FillAsync();
        Assert.All(edits, edit => Assert.Equal(2, _folder.Tamper(edit)));
        await using SqliteAccountStore store = _folder.Open();
        await AssertTamperedAsync(store, _victim);
        await AssertTamperedAsync(store, _other);
        await AssertServedAsync(store, _bystander, _records.Bystander);
    }

    [Theory]
    [InlineData("records")]
    [InlineData("accounts")]
    [InlineData("records", "accounts")]
    public async Task AnyCall_RowsPutBackToBeforeACharge_IsRefused(params string[] tables)
    {
        await FillAsync();
        Array.ForEach(tables, KeepVictim);
        await ChargeAsync(_victim, _records.Victim.Id);
        Array.ForEach(tables, PutVictimBack);

        await using SqliteAccountStore store = _folder.Open();
        await AssertTamperedAsync(store, _victim);
        await AssertServedAsync(store, _bystander, _records.Bystander);
    }

    /// <summary>The rows before a charge, put back together with what would give them away, under a store that goes on running.</summary>
    [Theory]
    [InlineData("UPDATE audit SET account = 5 WHERE id = (SELECT max(id) FROM audit)")]
    [InlineData("UPDATE audit SET entry = zeroblob(200) WHERE id = (SELECT max(id) FROM audit)")]
    [InlineData("DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)")]
    [InlineData("INSERT INTO audit SELECT 1 + (SELECT max(id) FROM audit), account, entry, mac, chain FROM audit WHERE id = 4")]
    public async Task Decide_PutBackUnderARunningStoreWithItsEntryHidden_GivesNoAttemptBack(string hide)
    {
        await FillAsync();
        await using SqliteAccountStore store = _folder.Open();
        KeepVictim("records");
        KeepVictim("accounts");
        await store.EvaluateAsync(_victim, _records.Victim.Id);
        PutVictimBack("records");
        PutVictimBack("accounts");
        Assert.Equal(1, _folder.Tamper(hide));

        StorageException refused = await Assert.ThrowsAsync<StorageException>(() => store.EvaluateAsync(_victim, _records.Victim.Id));

        Assert.Equal(StorageFault.Tampered, refused.Fault);
    }

    [Fact]
    public async Task ReadAudit_AccountPutBackAndItsEntryRemoved_ShowsWhereTheLogWasCut()
    {
        await FillAsync();
        KeepVictim("records");
        KeepVictim("accounts");
        await ChargeAsync(_victim, _records.Victim.Id);
        await ChargeAsync(_bystander, _records.Bystander.Id);
        _folder.Tamper("DELETE FROM audit WHERE id = (SELECT max(id) - 1 FROM audit)");
        PutVictimBack("records");
        PutVictimBack("accounts");

        await using SqliteAccountStore store = _folder.Open();
        await store.ReadAsync(_victim);
        List<AuditRow> log = await store.ReadAuditAsync();
        Assert.False(log[^1].IsAuthentic);
        Assert.All(log.SkipLast(1), r => Assert.True(r.IsAuthentic));
    }

    [Theory]
    [InlineData("UPDATE audit SET entry = (SELECT entry FROM audit WHERE id = 1) WHERE id = 3", 3)]
    [InlineData("UPDATE audit SET entry = x'00' WHERE id = 3", 3)]
    [InlineData("UPDATE audit SET account = 5 WHERE id = 3", 3)]
    [InlineData("UPDATE audit SET mac = randomblob(32) WHERE id = 3", 3)]
    [InlineData("UPDATE audit SET chain = randomblob(32) WHERE id = 3", 3, 4)]
    [InlineData("DELETE FROM audit WHERE id = 3", 4)]
    [InlineData("UPDATE audit SET id = 99 WHERE id = 3", 4, 99)]
    [InlineData("DELETE FROM audit WHERE id = 1", 2)]
    public async Task ReadAudit_LogEdited_SaysWhichEntriesAreNotAuthentic(string edit, params int[] expected)
    {
        await FillAsync();
        Assert.Equal(1, _folder.Tamper(edit));
        await using SqliteAccountStore store = _folder.Open();
        List<AuditRow> log = await store.ReadAuditAsync();
        Assert.Equal(expected, log.Where(r => !r.IsAuthentic).Select(r => (int)r.Id));
    }

    [Theory]
    [InlineData("CREATE TRIGGER undo AFTER UPDATE ON records BEGIN UPDATE records SET charges = old.charges WHERE id = old.id; END", "DROP TRIGGER undo")]
    [InlineData("CREATE TRIGGER skip BEFORE UPDATE ON records BEGIN SELECT RAISE(IGNORE); END", "DROP TRIGGER skip")]
    [InlineData("CREATE VIEW peek AS SELECT 1", "DROP VIEW peek")]
    [InlineData("CREATE INDEX extra ON records (state)", "DROP INDEX extra")]
    public async Task Decide_TablesChangedWhileServing_WritesNothingUntilTheyAreAsMade(string edit, string undo)
    {
        await FillAsync();
        await using SqliteAccountStore store = _folder.Open();
        await store.EvaluateAsync(_victim, _records.Victim.Id);
        _folder.Tamper(edit);
        StorageException refused = await Assert.ThrowsAsync<StorageException>(() => store.EvaluateAsync(_victim, _records.Victim.Id));
        Assert.Equal(StorageFault.Tampered, refused.Fault);
        _folder.Tamper(undo);
        await store.EvaluateAsync(_victim, _records.Victim.Id);
    }

    [Fact]
    public async Task AnyCall_OpenedWithOtherSecrets_FindsNoAccount()
    {
        await FillAsync();
        await using SqliteAccountStore store = SqliteAccountStore.Open(
            _folder.Options,
            NodeDatabase.ReadIdentity(_folder.Options),
            NodeSecrets.Draw(),
            _folder.Metrics,
            _folder.Time,
            NullLogger.Instance);
        Assert.Empty((await store.ReadAsync(_victim)).Records);
        Assert.All(await store.ReadAuditAsync(), r => Assert.False(r.IsAuthentic));
    }

    /// <summary>What is left over must not fall to whoever enrols next, nor keep them from it.</summary>
    [Theory]
    [InlineData("DELETE FROM accounts WHERE id = 3")]
    [InlineData("DELETE FROM records WHERE id = 3")]
    [InlineData("DELETE FROM sealed_parts WHERE slot = 3")]
    [InlineData("INSERT INTO free_slots VALUES (2, 512)")]
    [InlineData("INSERT INTO free_slots VALUES (77, 512)")]
    public async Task Add_AfterRowsWereTakenAwayOrListedAsFree_StoresTheNextAccountsAsAlways(string edit)
    {
        await FillAsync();
        Assert.Equal(1, _folder.Tamper(edit));
        await using SqliteAccountStore store = _folder.Open();
        for (int i = 0; i < 3; i++)
        {
            AccountId next = Samples.NewAccount();
            StoredRecord record = Samples.Record(next);
            await store.AddAsync(next, record);
            Samples.AssertSame(record, Assert.Single((await store.ReadAsync(next)).Records));
        }

        await AssertServedAsync(store, _other, _records.Other);
    }

    public void Dispose() => _folder.Dispose();

    private sealed record StoredRecords(StoredRecord Victim, StoredRecord Other, StoredRecord Bystander);

    /// <summary>Accounts 1, 2 and 3 with records 1, 2 and 3 in slots 1, 2 and 3; then a charge each.</summary>
    private async Task FillAsync()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_victim, _records.Victim);
        await store.AddAsync(_other, _records.Other);
        await store.AddAsync(_bystander, _records.Bystander);
        await store.EvaluateAsync(_victim, _records.Victim.Id);
        await store.EvaluateAsync(_other, _records.Other.Id);
        await store.EvaluateAsync(_bystander, _records.Bystander.Id);
    }

    private void KeepVictim(string table) =>
        _folder.Tamper($"ATTACH '{_folder.PathOf("kept")}' AS kept; CREATE TABLE kept.{table} AS SELECT * FROM main.{table} WHERE id = 1");

    private void PutVictimBack(string table) =>
        _folder.Tamper($"ATTACH '{_folder.PathOf("kept")}' AS kept; INSERT OR REPLACE INTO main.{table} SELECT * FROM kept.{table}");

    private async Task ChargeAsync(AccountId account, RecordId record)
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.EvaluateAsync(account, record);
    }

    private static async Task AssertTamperedAsync(SqliteAccountStore store, AccountId account)
    {
        StorageException read = await Assert.ThrowsAsync<StorageException>(() => store.ReadAsync(account));
        StorageException decided = await Assert.ThrowsAsync<StorageException>(
            () => store.AppendAuditAsync(account, AuditKind.ShownToOperator, CancellationToken.None));
        Assert.Equal((StorageFault.Tampered, StorageFault.Tampered), (read.Fault, decided.Fault));
        Assert.False(read.IsTransient);
    }

    private static async Task AssertServedAsync(SqliteAccountStore store, AccountId account, StoredRecord record)
    {
        Assert.NotNull((await store.EvaluateAsync(account, record.Id)).Answer);
        Assert.Equal(2u, Assert.Single((await store.ReadAsync(account)).Records).AttemptsUsed);
    }
}
