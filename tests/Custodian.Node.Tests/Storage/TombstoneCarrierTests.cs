using Custodian.Core;
using Custodian.Node.Commands;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>What was destroyed after a backup stays destroyed, as far as the database that the backup replaces can still be read.</summary>
public sealed class TombstoneCarrierTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId[] _accounts = [.. Enumerable.Range(0, 4).Select(_ => Samples.NewAccount())];
    private readonly SqliteStoreOptions _backup;

    public TombstoneCarrierTests() => _backup = _folder.Options with { Path = _folder.PathOf("backup.db") };

    [Fact]
    public async Task Carry_AllReadable_BuriesEveryRecordDestroyedSince()
    {
        await DestroyAfterABackupAsync();

        Carried carried = await CarryAsync();

        Assert.Equal((4, null), (carried.Buried, carried.Unread));
        Assert.Equal(0, await LiveInBackupAsync(_accounts));
    }

    [Fact]
    public async Task Carry_OneAccountOfTheCopyIsTampered_BuriesTheOthers()
    {
        await DestroyAfterABackupAsync();
        SqliteStoreOptions former = _folder.Options;
        _folder.Options = _backup;
        _folder.Tamper("UPDATE accounts SET mac = zeroblob(32) WHERE id = 1");
        _folder.Options = former;

        Carried carried = await CarryAsync();

        Assert.Equal(3, carried.Buried);
        Assert.Equal(0, await LiveInBackupAsync(_accounts[1..]));
    }

    [Fact]
    public async Task Carry_OneAccountOfTheFormerDatabaseIsTampered_BuriesTheOthersAndSaysSo()
    {
        await DestroyAfterABackupAsync();
        _folder.Tamper("UPDATE accounts SET mac = zeroblob(32) WHERE id = 1");

        Carried carried = await CarryAsync();

        Assert.Equal(3, carried.Buried);
        Assert.NotNull(carried.Unread);
    }

    [Fact]
    public async Task Carry_FormerDatabaseIsNoDatabase_SaysSo()
    {
        await DestroyAfterABackupAsync();
        await File.WriteAllBytesAsync(_folder.Options.Path, [.. Enumerable.Repeat((byte)'x', 8192)]);

        Carried carried = await CarryAsync();

        Assert.Equal(0, carried.Buried);
        Assert.NotNull(carried.Unread);
    }

    public void Dispose() => _folder.Dispose();

    private async Task DestroyAfterABackupAsync()
    {
        await using SqliteAccountStore store = _folder.Open();
        foreach (AccountId account in _accounts)
        {
            await store.AddAsync(account, Samples.Record(account));
        }

        await store.BackupAsync(_backup.Path, CancellationToken.None);
        foreach (AccountId account in _accounts)
        {
            await store.DecideAsync(account, DeleteRule.DecideForOperator, CancellationToken.None);
        }
    }

    private async Task<Carried> CarryAsync()
    {
        using NodeSecrets secrets = _folder.Secrets();
        await using SqliteAccountStore copy = _folder.Open(_backup);
        return await TombstoneCarrier.CarryAsync(new FormerDatabase(_folder.Options, secrets), copy, CancellationToken.None);
    }

    private async Task<int> LiveInBackupAsync(IEnumerable<AccountId> accounts)
    {
        int live = 0;
        await using SqliteAccountStore copy = _folder.Open(_backup);
        foreach (AccountId account in accounts)
        {
            live += (await copy.ReadAsync(account)).Records.Length;
        }

        return live;
    }
}
