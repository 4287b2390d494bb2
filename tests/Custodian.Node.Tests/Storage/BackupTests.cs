using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Storage;

public sealed class BackupTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _account = Samples.NewAccount();
    private readonly StoredRecord _record;

    public BackupTests() => _record = Samples.Record(_account, maxAttempts: 100);

    [Fact]
    public async Task Backup_WhileServing_IsOneFileOfOneInstantThatOpens()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);
        using var stop = new CancellationTokenSource();
        Task writing = ChargeUntilAsync(store, stop.Token);
        string[] copies = [.. Enumerable.Range(0, 5).Select(i => Path.Combine(Directory.CreateDirectory(_folder.PathOf($"b{i}")).FullName, "copy.db"))];
        foreach (string copy in copies)
        {
            await store.BackupAsync(copy, CancellationToken.None);
        }

        await stop.CancelAsync();
        await writing;
        foreach (string copy in copies)
        {
            Assert.Equal([copy], Directory.GetFiles(Path.GetDirectoryName(copy)!));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(copy));
            Assert.Equal(StoreFolder.Node, NodeDatabase.ReadIdentity(_folder.Options with { Path = copy }).Node);
            await using SqliteAccountStore opened = _folder.Open(_folder.Options with { Path = copy });
            StoredRecord found = Assert.Single((await opened.ReadAsync(_account)).Records);
            List<AuditRow> log = await opened.ReadAuditAsync();
            Assert.All(log, r => Assert.True(r.IsAuthentic));
            Assert.Equal(AuditKind.Restored, log[^1].Entry!.Event.Kind);

            // As many charges as entries tell of, were it not for the opening: the copy is of one instant.
            Assert.Equal(log.Count - 2, found.Charges.Count(c => c.ChargedMs > 0));
        }
    }

    [Fact]
    public async Task Open_RestoredFromABackup_LeavesOneAttemptOnceAndIsThenLikeAnyOther()
    {
        AccountId[] others = [.. Enumerable.Range(0, 100).Select(_ => Samples.NewAccount())];
        StoredRecord[] records = [.. others.Select(o => Samples.Record(o))];
        string copy = _folder.PathOf("copy.db");
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(_account, _record);
            await Task.WhenAll(others.Zip(records, store.AddAsync));
            await store.BackupAsync(copy, CancellationToken.None);
            Assert.Equal(100u, (await store.ReadAsync(_account)).Records[0].AttemptsRemaining);
        }

        SqliteStoreOptions restored = _folder.Options with { Path = copy };
        for (int opening = 0; opening < 2; opening++)
        {
            await using SqliteAccountStore store = _folder.Open(restored);
            Assert.Equal(1u, (await store.ReadAsync(_account)).Records[0].AttemptsRemaining);
            Account[] found = await Task.WhenAll(others.Select(store.ReadAsync));
            Assert.All(found, a => Assert.Equal(1u, a.Records[0].AttemptsRemaining));
            Assert.Equal(202, (await store.ReadAuditAsync()).Count);
        }
    }

    [Fact]
    public async Task Backup_NameTaken_IsRefusedAndLeftAsItIs()
    {
        await using SqliteAccountStore store = _folder.Open();
        string taken = _folder.PathOf("taken");
        await File.WriteAllTextAsync(taken, "something else");
        await Assert.ThrowsAsync<IOException>(() => store.BackupAsync(taken, CancellationToken.None));
        await Assert.ThrowsAsync<IOException>(() => store.BackupAsync(_folder.Options.Path, CancellationToken.None));
        Assert.Equal("something else", await File.ReadAllTextAsync(taken));
    }

    [Fact]
    public async Task Backup_FolderMissing_IsRefusedAndLeavesNothing()
    {
        await using SqliteAccountStore store = _folder.Open();
        string nowhere = Path.Combine(_folder.PathOf("nowhere"), "copy.db");
        await Assert.ThrowsAnyAsync<IOException>(() => store.BackupAsync(nowhere, CancellationToken.None));
    }

    [Fact]
    public async Task ReadStatus_FilledDatabase_CountsWhatIsThere()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record with { State = RecordState.Superseded });
        await store.AddAsync(_account, Samples.Record(_account, 2));
        await store.AddAsync(_account, Samples.Record(_account, 3) with { State = RecordState.Pending });
        AccountId gone = Samples.NewAccount();
        StoredRecord destroyed = Samples.Record(gone);
        await store.AddAsync(gone, destroyed);
        await store.DestroyAsync(gone, destroyed.Id);
        StoreStatus status = await store.ReadStatusAsync(CancellationToken.None);
        Assert.Equal((3, 2L, 5L, 0L), (status.SchemaVersion, status.Accounts, status.AuditEntries, status.TamperedSeen));
        Assert.All(status.Records, r => Assert.Equal(1, r.Value));
        Assert.Equal(3, status.Records.Count);
        Assert.InRange(status.DatabaseBytes, 40_000, 1_000_000);
    }

    public void Dispose() => _folder.Dispose();

    private async Task ChargeUntilAsync(SqliteAccountStore store, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await store.EvaluateAsync(_account, _record.Id);
        }
    }
}
