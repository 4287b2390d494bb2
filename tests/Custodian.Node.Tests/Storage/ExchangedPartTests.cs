using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>A record's sealed part exchanged for the same under another key: in its place, authenticated, and without a trace of the old one.</summary>
public sealed class ExchangedPartTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _account = Samples.NewAccount();
    private readonly StoredRecord _record;

    public ExchangedPartTests() => _record = Samples.Record(_account);

    [Fact]
    public async Task Decide_PartExchanged_IsReadAsWrittenOverRestartsAndVerifies()
    {
        byte[] next = RandomNumberGenerator.GetBytes(_record.SealedPart.Length);
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(_account, _record);
            await store.EvaluateAsync(_account, _record.Id);
            StoredRecord before = (await store.ReadAsync(_account)).Records[0];
            await ExchangeAsync(store, next);
            Samples.AssertSame(before with { SealedPart = next }, (await store.ReadAsync(_account)).Records[0]);
        }

        await using (SqliteAccountStore store = _folder.Open())
        {
            Assert.Equal(next, (await store.ReadAsync(_account)).Records[0].SealedPart.ToArray());
            await store.EvaluateAsync(_account, _record.Id);
        }

        using NodeSecrets secrets = _folder.Secrets();
        VerificationReport report = new DatabaseVerifier(_folder.Options, secrets, new VerificationProgress(_ => { }, TimeProvider.System)).Run(CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(1, _folder.Number("SELECT count(*) FROM sealed_parts"));
    }

    [Fact]
    public async Task TruncateLog_AfterAnExchange_LeavesNoPieceOfTheOldPartOnTheDisk()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);
        byte[] piece = _record.SealedPart.Span.Slice(100, 24).ToArray();
        Assert.NotEqual(-1, _folder.BytesOnDisk().AsSpan().IndexOf(piece));

        await ExchangeAsync(store, RandomNumberGenerator.GetBytes(_record.SealedPart.Length));
        Assert.True(await store.TruncateLogAsync(CancellationToken.None));

        Assert.Equal(-1, _folder.BytesOnDisk().AsSpan().IndexOf(piece));
    }

    [Fact]
    public async Task Decide_PartOfAnotherSize_ThrowsAndChangesNothing()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);

        await Assert.ThrowsAsync<InvalidOperationException>(() => ExchangeAsync(store, new byte[900]));

        Samples.AssertSame(_record, (await store.ReadAsync(_account)).Records[0]);
    }

    [Fact]
    public async Task AnyCall_OldPartPutBackBehindTheNode_IsRefused()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);
        byte[] old = SealedSlot.Pad(_record.SealedPart.Span);
        await ExchangeAsync(store, RandomNumberGenerator.GetBytes(_record.SealedPart.Length));

        _folder.Tamper($"UPDATE sealed_parts SET part = x'{Convert.ToHexString(old)}' WHERE slot = 1");

        StorageException refused = await Assert.ThrowsAsync<StorageException>(() => store.ReadAsync(_account));
        Assert.Equal(StorageFault.Tampered, refused.Fault);
    }

    [Fact]
    public async Task Exchange_CrashAtAnyInstant_LeavesTheOldPartOrTheNewOne()
    {
        byte[] next = RandomNumberGenerator.GetBytes(_record.SealedPart.Length);
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);
        SqliteStoreOptions before = _folder.CopyAsAfterACrash();
        await ExchangeAsync(store, next);
        SqliteStoreOptions after = _folder.CopyAsAfterACrash();

        foreach ((SqliteStoreOptions copy, byte[] part) in new[] { (before, _record.SealedPart.ToArray()), (after, next) })
        {
            await using SqliteAccountStore crashed = _folder.Open(copy);
            Assert.Equal(part, (await crashed.ReadAsync(_account)).Records[0].SealedPart.ToArray());
        }
    }

    [Fact]
    public async Task ReplaceSealedSecrets_OthersThanThoseThereAre_ChangesNothing()
    {
        await using SqliteAccountStore store = _folder.Open();
        byte[] now = await store.ReadSealedSecretsAsync(CancellationToken.None);

        Assert.False(await store.ReplaceSealedSecretsAsync([9], [8], CancellationToken.None));
        Assert.Equal(now, await store.ReadSealedSecretsAsync(CancellationToken.None));
        Assert.True(await store.ReplaceSealedSecretsAsync(now, [8], CancellationToken.None));
        Assert.Equal([8], await store.ReadSealedSecretsAsync(CancellationToken.None));
    }

    public void Dispose() => _folder.Dispose();

    private Task<Decision<StateAnswer>> ExchangeAsync(SqliteAccountStore store, byte[] next) =>
        store.DecideAsync(_account, a => ResealRule.Decide(a, _record.Id, _record.SealedPart, next), CancellationToken.None);
}
