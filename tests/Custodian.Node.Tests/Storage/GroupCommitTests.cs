using System.Diagnostics;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Tests.Storage;

public sealed class GroupCommitTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    [Fact]
    public async Task Decide_SixtyFourWaiting_ShareOneCommit()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId[] ids = [.. Enumerable.Range(0, 64).Select(_ => Samples.NewAccount())];
        StoredRecord[] records = [.. ids.Select(id => Samples.Record(id))];
        await Task.WhenAll(ids.Zip(records, store.AddAsync));
        long before = _folder.Metrics.CommitCount;

        using var gate = new ManualResetEventSlim();
        Task first = store.DecideAsync(Samples.NewAccount(), _ => { gate.Wait(); return Keep(); }, CancellationToken.None);
        Task<Decision<EvaluateGrant>>[] charges = [.. ids.Zip(records, (id, r) => store.EvaluateAsync(id, r.Id))];
        gate.Set();
        await first;
        Assert.All(await Task.WhenAll(charges), d => Assert.NotNull(d.Answer));

        // Two when the first call was still waiting as the others came, and took 63 of them along.
        Assert.InRange(_folder.Metrics.CommitCount - before, 1, 2);
    }

    [Fact]
    public async Task Decide_SixtyFourAtOnce_CostFewerThanSixteenCommits()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId[] ids = [.. Enumerable.Range(0, 64).Select(_ => Samples.NewAccount())];
        StoredRecord[] records = [.. ids.Select(id => Samples.Record(id))];
        await Task.WhenAll(ids.Zip(records, store.AddAsync));
        long before = _folder.Metrics.CommitCount;
        Decision<EvaluateGrant>[] charges = await Task.WhenAll(ids.Zip(records, (id, r) => store.EvaluateAsync(id, r.Id)));
        Assert.All(charges, d => Assert.NotNull(d.Answer));
        Assert.InRange(_folder.Metrics.CommitCount - before, 1, 15);
    }

    [Fact]
    public async Task Probe_AWriterLetsGoForMomentsOnly_FindsOne()
    {
        await using SqliteAccountStore store = _folder.Open();
        using var stop = new CancellationTokenSource();
        var writer = new Thread(() => HoldAgainAndAgain(held: TimeSpan.FromMilliseconds(20), free: TimeSpan.FromMilliseconds(0.2), stop.Token));
        writer.Start();

        for (int i = 0; i < 5; i++)
        {
            await store.ProbeAsync(CancellationToken.None);
        }

        await stop.CancelAsync();
        writer.Join();
    }

    [Fact]
    public async Task Decide_AsManyWaitAsMay_IsBusyAtOnceAndWhoIsPatientWaits()
    {
        await using SqliteAccountStore store = _folder.Open(_folder.Options with { QueueLength = 2 });
        using var gate = new ManualResetEventSlim();
        var taken = new TaskCompletionSource();
        Task first = store.DecideAsync(
            Samples.NewAccount(),
            _ =>
            {
                taken.TrySetResult();
                gate.Wait();
                return Keep();
            },
            CancellationToken.None);
        await taken.Task;
        Task[] waiting = [.. Enumerable.Range(0, 2).Select(_ => store.DecideAsync(Samples.NewAccount(), _ => Keep(), CancellationToken.None))];

        Task<Decision<StateAnswer>> refused = store.DecideAsync(Samples.NewAccount(), _ => Keep(), CancellationToken.None);
        Task<Decision<StateAnswer>> patient = store.DecidePatientlyAsync(Samples.NewAccount(), _ => Keep(), CancellationToken.None);

        Assert.True(refused.IsFaulted);
        StorageException busy = await Assert.ThrowsAsync<StorageException>(() => refused);
        Assert.Equal((StorageFault.Busy, true), (busy.Fault, busy.IsTransient));
        Assert.False(patient.IsCompleted);
        Assert.All(waiting, w => Assert.False(w.IsCompleted));
        gate.Set();
        await Task.WhenAll([first, patient, .. waiting]);
        Assert.NotNull((await store.DecideAsync(Samples.NewAccount(), _ => Keep(), CancellationToken.None)).Answer);
    }

    [Fact]
    public async Task Decide_NothingToWrite_CommitsNothing()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id);
        await store.AddAsync(id, record);
        long before = _folder.Metrics.CommitCount;
        await store.DecideAsync(id, _ => Keep(), CancellationToken.None);
        await store.DecideAsync(id, _ => Decision<StateAnswer>.Refuse(RefusalReason.Delayed), CancellationToken.None);
        Assert.Equal(0, _folder.Metrics.CommitCount - before);
    }

    [Fact]
    public async Task Decide_AnsweredAndThenCrashed_IsThereAfterRecovery()
    {
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id, maxAttempts: 100);
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(id, record);
        for (uint used = 1; used <= 20; used++)
        {
            await store.EvaluateAsync(id, record.Id);
            SqliteStoreOptions crashed = _folder.CopyAsAfterACrash();
            await using SqliteAccountStore recovered = _folder.Open(crashed);
            Assert.Equal(used, (await recovered.ReadAsync(id)).Records[0].AttemptsUsed);
            Assert.Equal((int)used + 1, (await recovered.ReadAuditAsync()).Count);
        }
    }

    [Fact]
    public async Task Decide_TwoStoresOverOneDatabase_NeitherLosesWhatTheOtherWrote()
    {
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id, maxAttempts: 40);
        await using SqliteAccountStore one = _folder.Open();
        await using SqliteAccountStore other = _folder.Open();
        await one.AddAsync(id, record);
        Decision<EvaluateGrant>[] outcomes = await Task.WhenAll(
            Enumerable.Range(0, 60).Select(i => (i % 2 == 0 ? one : other).EvaluateAsync(id, record.Id)));
        Assert.Equal(40, outcomes.Count(o => o.Answer is not null));
        Assert.Equal(40u, (await other.ReadAsync(id)).Records[0].AttemptsUsed);
        Assert.All(await one.ReadAuditAsync(), r => Assert.True(r.IsAuthentic));
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>As a node's writer under full load. It turns round instead of sleeping: no sleep is as short.</summary>
    private void HoldAgainAndAgain(TimeSpan held, TimeSpan free, CancellationToken stop)
    {
        using SqliteConnection writer = _folder.Connect();
        while (!stop.IsCancellationRequested)
        {
            writer.Run("BEGIN IMMEDIATE");
            TurnRound(held);
            writer.Run("COMMIT");
            TurnRound(free);
        }

        static void TurnRound(TimeSpan time)
        {
            for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time;)
            {
                Thread.SpinWait(20);
            }
        }
    }

    private static Decision<StateAnswer> Keep() => Decision<StateAnswer>.Keep(new StateAnswer(RecordState.Active, 1));
}
