using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Storage;

/// <summary>What every <see cref="IAccountStore"/> does, whatever database it is over.</summary>
public abstract class AccountStoreContract
{
    private const string Boom = "a rule's own mistake";

    /// <summary>Opens the store over this test's database, which starts empty.</summary>
    private protected abstract IAccountStore Open();

    [Fact]
    public async Task Read_UnknownAccount_IsEmpty()
    {
        await using IAccountStore store = Open();
        Samples.AssertSame(Account.Empty, await store.ReadAsync(Samples.NewAccount()));
    }

    [Fact]
    public async Task RowOf_Accounts_NamesEachAndTellsNone()
    {
        await using IAccountStore store = Open();
        AccountId account = Samples.NewAccount();
        Assert.Equal(32, store.RowOf(account).Length);
        Assert.Equal(store.RowOf(account).ToArray(), store.RowOf(account).ToArray());
        Assert.NotEqual(store.RowOf(account).ToArray(), store.RowOf(Samples.NewAccount()).ToArray());
        Assert.NotEqual(account.ToArray(), store.RowOf(account).ToArray());
    }

    [Theory]
    [InlineData(285, 1)]
    [InlineData(65536, 4000)]
    public async Task Decide_NewRecords_EveryFieldComesBackAfterReopening(int envelopeSize, int sealedSize)
    {
        AccountId id = Samples.NewAccount();
        StoredRecord former = Samples.Record(id, 1, envelopeSize: envelopeSize, sealedSize: sealedSize) with { State = RecordState.Superseded };
        StoredRecord full = Samples.Record(id, 1UL << 62) with
        {
            Replacement = new Replacement(former.Id, RandomNumberGenerator.GetBytes(64)),
            Charges =
            [
                new Charge(AttemptId.Draw(), RandomNumberGenerator.GetBytes(32), long.MaxValue, ulong.MaxValue - 1, 1),
                new Charge(AttemptId.Draw(), RandomNumberGenerator.GetBytes(32), -1, ulong.MaxValue, uint.MaxValue),
            ],
            LastSequence = ulong.MaxValue,
            ConfirmedAttempt = AttemptId.Draw(),
            ConfirmedSequence = ulong.MaxValue - 2,
        };
        Account expected = Account.Empty.Add(former).Add(full) with
        {
            Tombstones = [.. Enum.GetValues<DestroyReason>().Select(r => new Tombstone(RecordId.Draw(), (ulong)r, r))],
            ForgottenGeneration = (1UL << 62) - 1,
        };
        await using (IAccountStore store = Open())
        {
            await store.DecideAsync(id, _ => Write(expected, full), CancellationToken.None);
            Samples.AssertSame(expected, await store.ReadAsync(id));
        }

        await using IAccountStore reopened = Open();
        Samples.AssertSame(expected, await reopened.ReadAsync(id));
        await reopened.DecideAsync(id, found => { Samples.AssertSame(expected, found); return Keep(); }, CancellationToken.None);
    }

    [Fact]
    public async Task Decide_ChangedRecord_OnlyThatOneDiffers()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        StoredRecord former = Samples.Record(id, 1) with { State = RecordState.Superseded };
        StoredRecord active = Samples.Record(id, 2);
        await store.AddAsync(id, former);
        await store.AddAsync(id, active);
        Decision<EvaluateGrant> charged = await store.EvaluateAsync(id, active.Id);
        Samples.AssertSame(Account.Empty.Add(former).Add(charged.Answer!.Record), await store.ReadAsync(id));
    }

    [Fact]
    public async Task Decide_Replacement_DestroysOneAndStoresAnotherInOneStep()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        StoredRecord first = Samples.Record(id, 1);
        StoredRecord kept = Samples.Record(id, 2);
        StoredRecord last = Samples.Record(id, 3);
        await store.AddAsync(id, first);
        await store.AddAsync(id, kept);
        await store.DecideAsync(
            id, a => Write(a.Destroy(a.Find(first.Id)!, DestroyReason.Replaced).Add(last), last), CancellationToken.None);
        Account expected = Account.Empty.Add(first).Add(kept).Destroy(first, DestroyReason.Replaced).Add(last);
        Samples.AssertSame(expected, await store.ReadAsync(id));
    }

    [Fact]
    public async Task Decide_EveryRecordDestroyedAgainAndAgain_KeepsSixteenTombstones()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        Account expected = Account.Empty;
        for (ulong generation = 1; generation <= 20; generation++)
        {
            StoredRecord record = Samples.Record(id, generation);
            await store.AddAsync(id, record);
            await store.DestroyAsync(id, record.Id);
            expected = expected.Add(record).Destroy(record, DestroyReason.Deleted);
        }

        Account found = await store.ReadAsync(id);
        Samples.AssertSame(expected, found);
        Assert.Equal((16, 4UL), (found.Tombstones.Length, found.ForgottenGeneration));
    }

    [Fact]
    public async Task Decide_RefusalOrAnswerWithoutChange_WritesNothing()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        Decision<StateAnswer> refused = await store.DecideAsync(
            id, _ => Decision<StateAnswer>.Refuse(RefusalReason.RecordNotFound), CancellationToken.None);
        await store.DecideAsync(id, _ => Keep(), CancellationToken.None);
        Assert.Equal(RefusalReason.RecordNotFound, refused.Refusal!.Reason);
        Samples.AssertSame(Account.Empty, await store.ReadAsync(id));
        Assert.Empty(await store.ReadAuditAsync());
    }

    [Fact]
    public async Task Decide_RuleThrows_OnlyItsCallerSeesIt()
    {
        await using IAccountStore store = Open();
        AccountId[] ids = [.. Enumerable.Range(0, 16).Select(_ => Samples.NewAccount())];
        StoredRecord[] records = [.. ids.Select(id => Samples.Record(id))];
        Task<Decision<StateAnswer>>[] calls = [.. ids.Select((id, i) => store.DecideAsync(
            id, a => i == 7 ? throw new InvalidOperationException(Boom) : Samples.Add(a, records[i]), CancellationToken.None))];
        Assert.Equal(Boom, (await Assert.ThrowsAsync<InvalidOperationException>(() => calls[7])).Message);
        foreach (int i in Enumerable.Range(0, 16).Where(i => i != 7))
        {
            Assert.NotNull((await calls[i]).Answer);
            Assert.Single((await store.ReadAsync(ids[i])).Records);
        }

        Assert.Empty((await store.ReadAsync(ids[7])).Records);
        Assert.Equal(15, (await store.ReadAuditAsync()).Count);
    }

    [Fact]
    public async Task Decide_RuleChangesWhatWasDeposited_IsRefused()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id);
        await store.AddAsync(id, record);
        Task Changed() => store.DecideAsync(
            id, a => Write(a.With(a.Records[0] with { SealedPart = new byte[] { 1 } }), record), CancellationToken.None);
        await Assert.ThrowsAsync<InvalidOperationException>(Changed);
        Samples.AssertSame(Account.Empty.Add(record), await store.ReadAsync(id));
    }

    [Fact]
    public async Task Decide_SixtyFourCallersAtOneRecord_GrantsExactlyMaxAttempts()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id, maxAttempts: 10);
        await store.AddAsync(id, record);
        Decision<EvaluateGrant>[] outcomes = await Task.WhenAll(
            Enumerable.Range(0, 64).Select(_ => Task.Run(() => store.EvaluateAsync(id, record.Id))));
        Assert.Equal(10, outcomes.Count(o => o.Answer is not null));
        Assert.All(outcomes.Where(o => o.Answer is null), o => Assert.Equal(RefusalReason.AttemptsExhausted, o.Refusal!.Reason));
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (ulong)i), outcomes.Where(o => o.Answer is not null).Select(o => o.Answer!.Sequence).Order());
        Assert.Equal(10u, (await store.ReadAsync(id)).Records[0].AttemptsUsed);
    }

    [Fact]
    public async Task Decide_CancelledBeforeItIsTaken_IsNeverDecided()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        using var entered = new SemaphoreSlim(0);
        using var gate = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource();
        bool asked = false;
        Task<Decision<StateAnswer>> first = store.DecideAsync(
            id, _ => { entered.Release(); gate.Wait(); return Keep(); }, CancellationToken.None);
        await entered.WaitAsync();
        Task<Decision<StateAnswer>> second = store.DecideAsync(id, _ => { asked = true; return Keep(); }, cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        gate.Set();
        await first;
        await store.DecideAsync(id, _ => Keep(), CancellationToken.None);
        Assert.False(asked);
    }

    [Fact]
    public async Task Decide_CancelledInItsTransaction_IsWrittenAndAnswered()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id);
        using var cancel = new CancellationTokenSource();
        Decision<StateAnswer> outcome = await store.DecideAsync(
            id, a => { cancel.Cancel(); return Samples.Add(a, record); }, cancel.Token);
        Assert.NotNull(outcome.Answer);
        Assert.Single((await store.ReadAsync(id)).Records);
    }

    [Fact]
    public async Task Decide_EachChange_AppendsTheEntryThatTellsIt()
    {
        await using IAccountStore store = Open();
        AccountId id = Samples.NewAccount();
        StoredRecord record = Samples.Record(id, 7);
        await store.AddAsync(id, record);
        Decision<EvaluateGrant> charged = await store.EvaluateAsync(id, record.Id);
        await store.AddAsync(Samples.NewAccount(), Samples.Record(Samples.NewAccount()));
        await store.DestroyAsync(id, record.Id);

        List<AuditRow> rows = await store.ReadAuditAsync(id);
        Assert.All(rows, r => Assert.True(r.IsAuthentic));
        Assert.All(rows, r => Assert.Equal(store.RowOf(id).ToArray(), r.Entry!.AccountRow.ToArray()));
        AttemptId attempt = charged.Answer!.Record.Charges[0].Attempt;
        Assert.Equal(
            [
                new AuditEvent(AuditKind.Deposited, record.Id, 7, null, 0),
                new AuditEvent(AuditKind.Charged, record.Id, 7, attempt, 1),
                new AuditEvent(AuditKind.Deleted, record.Id, 7, null, 1),
            ],
            rows.Select(r => r.Entry!.Event));
        Assert.Equal(4, (await store.ReadAuditAsync()).Count);
        Assert.Equal(rows[^1].Bytes.ToArray(), Assert.Single(await store.ReadAuditAsync(id, from: rows[^1].Id)).Bytes.ToArray());
    }

    [Fact]
    public async Task AppendAudit_KnownAndUnknownAccount_IsToldOfTheKnownOneAndChangesNoRecord()
    {
        await using IAccountStore store = Open();
        AccountId known = Samples.NewAccount();
        AccountId unknown = Samples.NewAccount();
        StoredRecord record = Samples.Record(known, 3);
        await store.AddAsync(known, record);
        Account shown = await store.AppendAuditAsync(known, AuditKind.ShownToOperator, CancellationToken.None);
        await store.AppendAuditAsync(unknown, AuditKind.ShownToOperator, CancellationToken.None);
        Samples.AssertSame(Account.Empty.Add(record), shown);
        Samples.AssertSame(shown, await store.ReadAsync(known));
        Samples.AssertSame(Account.Empty, await store.ReadAsync(unknown));
        Assert.Equal(new AuditEvent(AuditKind.ShownToOperator, record.Id, 3, null, 0), (await store.ReadAuditAsync(known))[^1].Entry!.Event);
        Assert.Empty(await store.ReadAuditAsync(unknown));
    }

    [Fact]
    public async Task ReadAudit_MoreThanAPage_ComesInOrderWithNothingTwice()
    {
        await using IAccountStore store = Open();
        AccountId[] ids = [.. Enumerable.Range(0, 3).Select(_ => Samples.NewAccount())];
        await Task.WhenAll(ids.Select(id => store.AddAsync(id, Samples.Record(id))));
        await Task.WhenAll(Enumerable.Range(0, 897).Select(i =>
            store.AppendAuditAsync(ids[i % 3], AuditKind.ShownToOperator, CancellationToken.None)));
        List<AuditRow> all = await store.ReadAuditAsync();
        Assert.Equal(900, all.Count);
        Assert.Equal(all.Select(r => r.Id).Order().Distinct(), all.Select(r => r.Id));
        Assert.All(all, r => Assert.True(r.IsAuthentic));
        Assert.Equal(300, (await store.ReadAuditAsync(ids[1])).Count);
    }

    [Fact]
    public async Task Dispose_CallsWaiting_AreAllAnsweredAndStored()
    {
        AccountId[] ids = [.. Enumerable.Range(0, 200).Select(_ => Samples.NewAccount())];
        StoredRecord[] records = [.. ids.Select(id => Samples.Record(id))];
        Task<Decision<StateAnswer>>[] calls;
        await using (IAccountStore store = Open())
        {
            calls = [.. ids.Zip(records, store.AddAsync)];
        }

        Assert.All(await Task.WhenAll(calls), d => Assert.NotNull(d.Answer));
        await using IAccountStore reopened = Open();
        for (int i = 0; i < ids.Length; i++)
        {
            Samples.AssertSame(records[i], Assert.Single((await reopened.ReadAsync(ids[i])).Records));
        }
    }

    [Fact]
    public async Task EveryCall_AfterDispose_SaysSo()
    {
        IAccountStore store = Open();
        await store.DisposeAsync();
        AccountId id = AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, ClientRecord.Subject);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.ReadAsync(id, CancellationToken.None));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.DecideAsync(id, _ => Keep(), CancellationToken.None));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.ReadAuditAsync());
    }

    private static Decision<StateAnswer> Keep() => Decision<StateAnswer>.Keep(new StateAnswer(RecordState.Active, 1));

    private static Decision<StateAnswer> Write(Account next, StoredRecord told) =>
        Decision<StateAnswer>.Write(new StateAnswer(told.State, 1), next, AuditEvent.Of(AuditKind.Deposited, told));
}

public sealed class SqliteAccountStoreTests : AccountStoreContract, IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private protected override IAccountStore Open() => _folder.Open();
}
