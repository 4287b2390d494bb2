using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Tests.Storage;

/// <summary>Key material that was destroyed is on the disk no more, neither in the database nor in its log, once the caller is answered.</summary>
public sealed class ErasureTests : IDisposable
{
    private const int Window = 16;

    private readonly StoreFolder _folder = new();

    [Theory]
    [InlineData(300)]
    [InlineData(1)]
    [InlineData(20_000)]
    public async Task Destroy_Answered_NoPieceOfTheSealedPartIsOnTheDisk(int sealedSize)
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id, sealedSize: sealedSize + Window);
        await store.AddAsync(id, record);
        await store.EvaluateAsync(id, record.Id);
        AssertIsOnDisk(record.SealedPart);

        await store.DestroyAsync(id, record.Id);
        AssertNoPieceOf(record.SealedPart, _folder.BytesOnDisk());
        Assert.Equal(0, new FileInfo(_folder.Options.Path + "-wal").Length);
    }

    /// <summary>
    /// SQLite copies cells between pages when it splits and merges them, and secure_delete does not find the copies: with the sealed parts
    /// beside the counters, one destroyed record in a thousand leaves a piece. So there is only ever one copy, which this counts.
    /// </summary>
    [Fact]
    public async Task Destroy_AfterAThousandChanges_TheLivingHaveOneCopyAndTheDestroyedNone()
    {
        await using SqliteAccountStore store = _folder.Open();
        Dictionary<AccountId, StoredRecord> live = [];
        List<StoredRecord> gone = [];
        for (int round = 0; round < 20; round++)
        {
            StoredRecord[] added = await Task.WhenAll(Enumerable.Range(0, 12).Select(async _ =>
            {
                AccountId id = Samples.NewAccount();
                StoredRecord record = Samples.Record(id, maxAttempts: 100, sealedSize: 250 + RandomNumberGenerator.GetInt32(20));
                await store.AddAsync(id, record);
                return record;
            }));
            foreach (StoredRecord record in added)
            {
                live.Add(record.Header.AccountId, record);
            }

            await Task.WhenAll(Some(live, 20).Select(r => store.EvaluateAsync(r.Key, r.Value.Id)));
            KeyValuePair<AccountId, StoredRecord>[] destroyed = Some(live, 8);
            await Task.WhenAll(destroyed.Select(r => store.DestroyAsync(r.Key, r.Value.Id)));
            gone.AddRange(destroyed.Select(r => r.Value));
            Array.ForEach(destroyed, r => live.Remove(r.Key));
        }

        // One more, so that what lives lies in the database alone.
        KeyValuePair<AccountId, StoredRecord> last = live.First();
        await store.DestroyAsync(last.Key, last.Value.Id);
        live.Remove(last.Key);
        byte[] disk = _folder.BytesOnDisk();
        Assert.All(gone.Append(last.Value), r => AssertNoPieceOf(r.SealedPart, disk));
        Assert.All(live.Values, r => Assert.Equal(1, Count(r.SealedPart.Span, disk)));
    }

    [Fact]
    public async Task Destroy_SlotGivenBack_IsFilledByTheNextRecordOfItsSize()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId id = Samples.NewAccount();
        for (ulong generation = 1; generation <= 5; generation++)
        {
            StoredRecord record = Samples.Record(id, generation);
            await store.AddAsync(id, record);
            Samples.AssertSame(record, (await store.ReadAsync(id)).Records[0]);
            await store.DestroyAsync(id, record.Id);
        }

        Assert.Equal((1, 1), (_folder.Number("SELECT count(*) FROM sealed_parts"), _folder.Number("SELECT count(*) FROM free_slots")));
    }

    [Fact]
    public async Task Destroy_AnotherProcessReads_WaitsWhileOthersAreServedAndThenErases()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id);
        await store.AddAsync(id, record);
        Task<Decision<StateAnswer>> destroyed;
        using (SqliteConnection reader = _folder.Connect())
        {
            reader.Run("BEGIN");
            reader.Number("SELECT count(*) FROM records");
            using var gate = new ManualResetEventSlim();
            AccountId[] others = [.. Enumerable.Range(0, 3).Select(_ => Samples.NewAccount())];
            Task first = store.DecideAsync(others[0], a => { gate.Wait(); return Samples.Destroy(a, record.Id); }, CancellationToken.None);
            destroyed = store.DestroyAsync(id, record.Id);
            Task sameBatch = store.AddAsync(others[1], Samples.Record(others[1]));
            gate.Set();
            await first;
            await sameBatch;
            await store.AddAsync(others[2], Samples.Record(others[2]));

            Assert.Empty((await store.ReadAsync(id)).Records);
            Assert.False(destroyed.IsCompleted);
            AssertIsOnDisk(record.SealedPart);
        }

        Assert.Equal(RecordState.Destroyed, (await destroyed).Answer!.State);
        AssertNoPieceOf(record.SealedPart, _folder.BytesOnDisk());
    }

    [Fact]
    public async Task Open_CrashedBetweenCommitAndErasure_ErasesBeforeItServes()
    {
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id);
        SqliteStoreOptions crashed;
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(id, record);
            using SqliteConnection reader = _folder.Connect();
            reader.Run("BEGIN");
            reader.Number("SELECT count(*) FROM records");
            Task destroyed = store.DestroyAsync(id, record.Id);
            AccountId other = Samples.NewAccount();
            await store.AddAsync(other, Samples.Record(other));
            Assert.False(destroyed.IsCompleted);
            crashed = _folder.CopyAsAfterACrash();
            reader.Run("ROLLBACK");
            await destroyed;
        }

        _folder.Options = crashed;
        AssertIsOnDisk(record.SealedPart);
        await using SqliteAccountStore reopened = _folder.Open();
        Assert.Single((await reopened.ReadAsync(id)).Tombstones);
        await reopened.DecideAsync(id, _ => Decision<StateAnswer>.Refuse(RefusalReason.RecordNotFound), CancellationToken.None);
        AssertNoPieceOf(record.SealedPart, _folder.BytesOnDisk());
    }

    public void Dispose() => _folder.Dispose();

    private static KeyValuePair<AccountId, StoredRecord>[] Some(Dictionary<AccountId, StoredRecord> from, int count)
    {
        KeyValuePair<AccountId, StoredRecord>[] all = [.. from];
        RandomNumberGenerator.Shuffle<KeyValuePair<AccountId, StoredRecord>>(all);
        return all[..Math.Min(count, all.Length)];
    }

    private static int Count(ReadOnlySpan<byte> needle, ReadOnlySpan<byte> haystack)
    {
        int count = 0;
        for (int at = haystack.IndexOf(needle); at >= 0; at = haystack.IndexOf(needle))
        {
            count++;
            haystack = haystack[(at + 1)..];
        }

        return count;
    }

    private void AssertIsOnDisk(ReadOnlyMemory<byte> secret) =>
        Assert.True(_folder.BytesOnDisk().AsSpan().IndexOf(secret.Span[..Window]) >= 0);

    private static void AssertNoPieceOf(ReadOnlyMemory<byte> secret, byte[] disk)
    {
        for (int at = 0; at + Window <= secret.Length; at += Math.Max(Window / 2, secret.Length / 64))
        {
            Assert.Equal(-1, disk.AsSpan().IndexOf(secret.Span.Slice(at, Window)));
        }
    }
}
