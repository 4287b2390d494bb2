using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Custodian.Testing;

namespace Custodian.Node.Tests.Storage;

/// <summary>A disk gives back other bytes than were written: whatever page it is, a call is right or refused by name, and a start says what to do.</summary>
public sealed class DamagedFileTests : IDisposable
{
    private const int PageSize = 4096;

    private readonly StoreFolder _folder = new();
    private readonly AccountId[] _accounts = [.. Enumerable.Range(0, 12).Select(_ => Samples.NewAccount())];
    private readonly Dictionary<AccountId, StoredRecord> _records;

    public DamagedFileTests() => _records = _accounts.ToDictionary(a => a, a => Samples.Record(a));

    [Fact]
    public async Task AnyCall_BytesFlippedInAnyPage_IsRightOrRefusedByName()
    {
        await FillAsync();
        byte[] whole = await File.ReadAllBytesAsync(_folder.Options.Path);
        var draws = new Draws("damaged pages");
        for (int page = 0; page < whole.Length / PageSize; page++)
        {
            (int from, int length) = (draws.Next(PageSize - 64), draws.Between(1, 64));
            byte[] flipped = [.. whole];
            for (int i = 0; i < length; i++)
            {
                flipped[(page * PageSize) + from + i] ^= 0xFF;
            }

            await AssertRightOrRefusedAsync(flipped, $"seed {Effort.Seed}, page {page + 1}, {length} bytes from {from}");
        }
    }

    [Fact]
    public async Task Open_PageLost_SaysThatTheDatabaseIsDamagedOrNoneAndWhatToDo()
    {
        await FillAsync();
        byte[] whole = await File.ReadAllBytesAsync(_folder.Options.Path);
        Array.Clear(whole, 100, PageSize - 100);
        await File.WriteAllBytesAsync(_folder.Options.Path, whole);

        StorageException refused = Assert.Throws<StorageException>(() => NodeDatabase.ReadIdentity(_folder.Options));

        Assert.Contains("custodian ", refused.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private async Task AssertRightOrRefusedAsync(byte[] file, string what)
    {
        File.Delete(_folder.Options.Path + "-wal");
        File.Delete(_folder.Options.Path + "-shm");
        await File.WriteAllBytesAsync(_folder.Options.Path, file);
        try
        {
            await using SqliteAccountStore store = _folder.Open();
            foreach (AccountId account in _accounts)
            {
                await AssertRightOrRefusedAsync(store, account, what);
            }
        }
        catch (StorageException)
        {
            // The start is refused, with a message.
        }
    }

    private async Task AssertRightOrRefusedAsync(SqliteAccountStore store, AccountId account, string what)
    {
        try
        {
            StoredRecord found = (await store.ReadAsync(account)).Records.SingleOrDefault()
                ?? throw new InvalidOperationException($"an account is empty: {what}");
            Samples.AssertSame(_records[account], found with { Charges = _records[account].Charges, LastSequence = 0 });
            Assert.True(found.AttemptsUsed == 1, what);
            Assert.NotNull((await store.EvaluateAsync(account, found.Id)).Answer);
        }
        catch (StorageException)
        {
            // This account's rows are on the page.
        }
    }

    private async Task FillAsync()
    {
        await using SqliteAccountStore store = _folder.Open();
        foreach ((AccountId account, StoredRecord record) in _records)
        {
            await store.AddAsync(account, record);
            await store.EvaluateAsync(account, record.Id);
        }
    }
}
