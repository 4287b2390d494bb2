using Custodian.Core;
using Custodian.Node.Api.Health;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Storage;
using Custodian.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Host;

/// <summary>A database that takes no writes makes the node unready, and one that takes them again makes it ready.</summary>
public sealed class StorageLoopTests : IDisposable
{
    private static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(5);

    private readonly StoreFolder _folder = new();
    private readonly Readiness _readiness = new();
    private readonly TestLog _log = new();

    public StorageLoopTests() => _readiness.Holds(ReadinessPart.Start);

    [Fact]
    public async Task Database_FullAndThenNot_MakesTheNodeUnreadyAndReadyAgain()
    {
        await using SqliteAccountStore store = _folder.Open(_folder.Options with { MaxPageCount = 70 });
        await store.ProbeAsync(CancellationToken.None);
        var stored = new Dictionary<AccountId, RecordId>();
        StorageException full = await FillAsync(store, stored);
        Watch().Saw(full);
        Assert.Equal("the database is full", _readiness.Current.Summary);
        await using var loop = new StorageLoop(store.ProbeAsync, store.Failed, _readiness, _log.CreateLogger("storage"), Fast);

        await Assert.ThrowsAsync<StorageException>(() => store.ProbeAsync(CancellationToken.None));
        Assert.False(_readiness.Current.IsReady);
        await Task.WhenAll(stored.Select(s => store.DestroyAsync(s.Key, s.Value)));

        await ReadyAsync();
        Assert.Contains("the database takes writes again; the node is ready", _log.Lines);
    }

    [Fact]
    public async Task Database_Lost_StaysUnreadyWhateverAProbeSays()
    {
        var probed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int probes = 0;
        _readiness.Fails(ReadinessPart.Storage, "the database failed");
        await using var loop = new StorageLoop(
            _ =>
            {
                if (++probes == 3)
                {
                    probed.SetResult();
                }

                return Task.CompletedTask;
            },
            Task.CompletedTask,
            _readiness,
            _log.CreateLogger("storage"),
            Fast);

        await probed.Task.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.False(_readiness.Current.IsReady);
    }

    [Fact]
    public async Task Probe_DatabaseInUse_ChangesNothingThatACallSees()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId account = Samples.NewAccount();
        StoredRecord record = Samples.Record(account);
        await store.AddAsync(account, record);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => store.ProbeAsync(CancellationToken.None)));

        Assert.NotNull((await store.EvaluateAsync(account, record.Id)).Answer);
        Assert.Equal(1u, (await store.ReadAsync(account)).Records[0].AttemptsUsed);
        Assert.All(await store.ReadAuditAsync(), r => Assert.True(r.IsAuthentic));
    }

    [Fact]
    public void Saw_RowOfOneAccount_LeavesTheNodeReady()
    {
        Watch().Saw(new StorageException(StorageFault.Tampered, "a row does not authenticate"));

        Assert.True(_readiness.Current.IsReady);
    }

    public void Dispose()
    {
        _folder.Dispose();
        _log.Dispose();
    }

    private StorageWatch Watch() => new(_readiness, NullLogger<StorageWatch>.Instance);

    private static async Task<StorageException> FillAsync(SqliteAccountStore store, Dictionary<AccountId, RecordId> stored)
    {
        return await Assert.ThrowsAsync<StorageException>(async () =>
        {
            while (true)
            {
                AccountId account = Samples.NewAccount();
                StoredRecord large = Samples.Record(account, envelopeSize: 65536);
                await store.AddAsync(account, large);
                stored.Add(account, large.Id);
            }
        });
    }

    private async Task ReadyAsync()
    {
        for (ReadinessState state = _readiness.Current; !state.IsReady; state = _readiness.Current)
        {
            await state.Changed.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }
}
