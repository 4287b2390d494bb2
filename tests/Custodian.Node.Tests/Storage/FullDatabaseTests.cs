using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>A database that can take no more refuses what needs room, serves the rest, and goes on once there is room again.</summary>
public sealed class FullDatabaseTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _account = Samples.NewAccount();

    [Fact]
    public async Task Decide_PageLimitReached_IsFullUntilItIsRaised()
    {
        StoredRecord record = Samples.Record(_account);
        AccountId late = Samples.NewAccount();
        StoredRecord large = Samples.Record(late, envelopeSize: 65536);
        await using (SqliteAccountStore store = _folder.Open(_folder.Options with { MaxPageCount = 20 }))
        {
            await store.AddAsync(_account, record);
            StorageException refused = await Assert.ThrowsAsync<StorageException>(() => store.AddAsync(late, large));
            Assert.Equal((StorageFault.Full, false), (refused.Fault, refused.IsTransient));
            Samples.AssertSame(Account.Empty, await store.ReadAsync(late));
            Samples.AssertSame(record, (await store.ReadAsync(_account)).Records[0]);
            Assert.NotNull((await store.EvaluateAsync(_account, record.Id)).Answer);
            Assert.False(store.Failed.IsCompleted);
        }

        await using SqliteAccountStore roomy = _folder.Open();
        await roomy.AddAsync(late, large);
        Samples.AssertSame(large, (await roomy.ReadAsync(late)).Records[0]);
        Assert.Equal(1u, (await roomy.ReadAsync(_account)).Records[0].AttemptsUsed);
        Assert.Equal(3, (await roomy.ReadAuditAsync()).Count);
        Assert.All(await roomy.ReadAuditAsync(), r => Assert.True(r.IsAuthentic));
    }

    [Fact]
    public async Task Decide_OneOfABatchFindsNoRoom_ItsNeighboursAreWritten()
    {
        await using SqliteAccountStore store = _folder.Open(_folder.Options with { MaxPageCount = 20 });
        StoredRecord record = Samples.Record(_account, maxAttempts: 20);
        await store.AddAsync(_account, record);
        AccountId late = Samples.NewAccount();
        StoredRecord large = Samples.Record(late, envelopeSize: 65536);
        using var gate = new ManualResetEventSlim();
        Task first = store.DecideAsync(
            late, _ => { gate.Wait(); return Decision<StateAnswer>.Refuse(RefusalReason.Delayed); }, CancellationToken.None);
        Task<Decision<EvaluateGrant>>[] before = [.. Enumerable.Range(0, 4).Select(_ => store.EvaluateAsync(_account, record.Id))];
        Task[] full = [.. Enumerable.Range(0, 3).Select(_ => store.AddAsync(late, large))];
        Task<Decision<EvaluateGrant>>[] after = [.. Enumerable.Range(0, 4).Select(_ => store.EvaluateAsync(_account, record.Id))];
        gate.Set();
        await first;
        foreach (Task refused in full)
        {
            Assert.Equal(StorageFault.Full, (await Assert.ThrowsAsync<StorageException>(() => refused)).Fault);
        }

        Assert.All(await Task.WhenAll([.. before, .. after]), d => Assert.NotNull(d.Answer));
        Assert.Equal(8u, (await store.ReadAsync(_account)).Records[0].AttemptsUsed);
        Assert.Empty((await store.ReadAsync(late)).Records);
    }

    public void Dispose() => _folder.Dispose();
}
