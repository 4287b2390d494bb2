using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>A backup is put in the place of a database in one step, and nothing that was there is lost.</summary>
public sealed class StagedCopyTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _account = Samples.NewAccount();
    private readonly AccountId _later = Samples.NewAccount();
    private readonly string _backup;

    private readonly NodeSecrets _secrets;

    public StagedCopyTests() => (_backup, _secrets) = (_folder.PathOf("backup.db"), _folder.Secrets());

    [Fact]
    public async Task Place_OverADatabase_ReplacesItAndKeepsItAsItWas()
    {
        await FillAsync();
        string aside;
        using (StagedCopy staged = StagedCopy.Take(_backup, _folder.Options.Path))
        {
            staged.BringForwardAndMark(_secrets, KeyList.Empty);
            aside = staged.Place(_folder.Time)!;
        }

        await using SqliteAccountStore placed = _folder.Open();
        await using SqliteAccountStore kept = _folder.Open(_folder.Options with { Path = aside });
        Assert.Empty((await placed.ReadAsync(_later)).Records);
        Assert.Single((await placed.ReadAsync(_account)).Records);
        Assert.Single((await kept.ReadAsync(_later)).Records);
    }

    [Fact]
    public async Task Take_ThenACrash_LeavesTheDatabaseAsItWasAndTheNextRestoreGoesOn()
    {
        await FillAsync();
        byte[] backup = await File.ReadAllBytesAsync(_backup);
        StagedCopy.Take(_backup, _folder.Options.Path).BringForwardAndMark(_secrets, KeyList.Empty);
        await using (SqliteAccountStore store = _folder.Open())
        {
            Assert.Single((await store.ReadAsync(_later)).Records);
        }

        using StagedCopy again = StagedCopy.Take(_backup, _folder.Options.Path);
        again.BringForwardAndMark(_secrets, KeyList.Empty);
        again.Place(_folder.Time);
        await using SqliteAccountStore placed = _folder.Open();
        Assert.Empty((await placed.ReadAsync(_later)).Records);
        Assert.Equal(backup, await File.ReadAllBytesAsync(_backup));
    }

    [Fact]
    public async Task Place_DatabaseInUse_IsRefusedAndChangesNothing()
    {
        await FillAsync();
        await using SqliteAccountStore serving = _folder.Open();
        using StagedCopy staged = StagedCopy.Take(_backup, _folder.Options.Path);
        staged.BringForwardAndMark(_secrets, KeyList.Empty);

        StorageException refused = Assert.Throws<StorageException>(() => staged.Place(_folder.Time));

        Assert.Contains("stop the node", refused.Message, StringComparison.Ordinal);
        Assert.Single((await serving.ReadAsync(_later)).Records);
        await serving.AddAsync(_account, Samples.Record(_account, 2));
    }

    [Fact]
    public async Task Place_DamagedDatabaseWithALogThatHoldsMore_TheLogIsNotAppliedToTheNewOne()
    {
        await FillAsync();
        byte[] log;
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(_later, Samples.Record(_later, 2));
            log = await File.ReadAllBytesAsync(_folder.CopyAsAfterACrash().Path + "-wal");
        }

        Assert.NotEmpty(log);
        await File.WriteAllBytesAsync(_folder.Options.Path, Damaged('x'));
        await File.WriteAllBytesAsync(_folder.Options.Path + "-wal", log);

        Assert.True(File.Exists(PlaceBackup()));
        await AssertHoldsTheBackupAsync();
    }

    [Fact]
    public async Task Place_DatabaseThatSqliteDoesNotRead_KeepsItByteForByte()
    {
        await FillAsync();
        await File.WriteAllBytesAsync(_folder.Options.Path, Damaged('x'));

        string aside = PlaceBackup();

        Assert.Equal(Damaged('x'), await File.ReadAllBytesAsync(aside));
        await AssertHoldsTheBackupAsync();
    }

    [Fact]
    public async Task Take_CopyMadeWithoutTheBackupCommand_IsMarkedAllTheSame()
    {
        await FillAsync();
        SqliteStoreOptions raw;
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(_later, Samples.Record(_later, 2));
            raw = _folder.CopyAsAfterACrash();
        }

        SqliteStoreOptions fresh = _folder.Options with { Path = _folder.PathOf("fresh.db") };
        using StagedCopy staged = StagedCopy.Take(raw.Path, fresh.Path);
        staged.BringForwardAndMark(_secrets, KeyList.Empty);
        Assert.Null(staged.Place(_folder.Time));
        await using SqliteAccountStore placed = _folder.Open(fresh);
        Assert.True(placed.AwaitsAcceptance);
        Assert.Equal(2, (await placed.ReadAsync(_later)).Records.Length);
    }

    [Fact]
    public async Task Take_CopyOfANodeThatAwaitsAcceptance_LeavesWhatWasStoredMeanwhileOneAttempt()
    {
        await FillAsync();
        SqliteStoreOptions waiting = _folder.Options with { Path = _backup };
        await using (SqliteAccountStore store = _folder.Open(waiting))
        {
            Assert.True(store.AwaitsAcceptance);
            await store.AddAsync(_later, Samples.Record(_later));
        }

        using StagedCopy staged = StagedCopy.Take(waiting.Path, _folder.Options.Path);
        staged.BringForwardAndMark(_secrets, KeyList.Empty);
        staged.Place(_folder.Time);
        await using SqliteAccountStore placed = _folder.Open();
        Assert.True(placed.AwaitsAcceptance);
        Assert.Equal(1u, (await placed.ReadAsync(_later)).Records[0].AttemptsRemaining);
    }

    [Fact]
    public void Take_TheDatabaseItself_IsRefused() =>
        Assert.Throws<IOException>(() => StagedCopy.Take(_folder.Options.Path, _folder.Options.Path));

    public void Dispose()
    {
        _secrets.Dispose();
        _folder.Dispose();
    }

    private static byte[] Damaged(char with) => [.. Enumerable.Repeat((byte)with, 8192)];

    private string PlaceBackup()
    {
        using StagedCopy staged = StagedCopy.Take(_backup, _folder.Options.Path);
        staged.BringForwardAndMark(_secrets, KeyList.Empty);
        return staged.Place(_folder.Time)!;
    }

    private async Task AssertHoldsTheBackupAsync()
    {
        await using SqliteAccountStore placed = _folder.Open();
        Assert.Empty((await placed.ReadAsync(_later)).Records);
        Assert.Single((await placed.ReadAsync(_account)).Records);
    }

    /// <summary>An account before the backup, and one after it.</summary>
    private async Task FillAsync()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, Samples.Record(_account));
        await store.BackupAsync(_backup, CancellationToken.None);
        await store.AddAsync(_later, Samples.Record(_later));
    }
}
