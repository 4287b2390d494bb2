using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Api.Node;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests;

namespace Custodian.Node.Tests.Keys;

/// <summary>The life of the keys beside a node that evaluates in memory, whose list of keys has no wrap key.</summary>
public sealed class InMemoryKeyTests : IAsyncLifetime
{
    private SealedNode _node = null!;

    public async Task InitializeAsync() => _node = await SealedNode.OpenAsync(EvaluationMode.Memory);

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Watch_NewSealKey_BringsRecordsAndSecretsUnderItAndNotesNoWrapKey()
    {
        List<SealedRecord> records = await _node.AddAsync(3);
        uint version = await _node.RotateSealAsync();

        await using (_node.Watch())
        {
            await _node.ResealedAsync(version);

            // It is noted beside the resealing, and may be later.
            await Eventually.HoldsAsync(() => _node.Log.Lines.Any(
                l => l.Contains("custodian/seal/2", StringComparison.Ordinal) && l.Contains("none", StringComparison.Ordinal)));
        }

        Assert.Empty(_node.Log.TakeWarnings());
        KeyUse use = await _node.UseAsync();
        Assert.Equal([(KeyPurpose.Seal, 2U), (KeyPurpose.Audit, 1U)], use.FirstUseMs.Keys.OrderBy(k => k.Purpose));
        Assert.Equal((3L, 0L), (use.Under(KeyPurpose.Seal, 2), use.Unreadable));
        Assert.Empty(use.Holding(KeyPurpose.Wrap));
        KeyUse verified = (await KeysRead.AllVerifiedAsync(_node.Options, _node.Store, _node.Hsm, TimeSpan.Zero, TimeProvider.System, _ => false, CancellationToken.None))!.Use;
        Assert.Equal((3L, 0L), (verified.Under(KeyPurpose.Seal, 2), verified.Unreadable));
        await _node.AssertSoundAsync(3);
        TokenVersions.DestroyInSoftHsm(KeyPurpose.Seal, 1);
        foreach (SealedRecord record in records)
        {
            await _node.AssertEvaluatesAsync(record);
        }
    }

    /// <summary>Whoever has the PIN can put one there; the node has no use for it, and says so.</summary>
    [Fact]
    public async Task Read_WrapKeyThatSomebodyPlanted_IsNamedAndNothingIsUnderIt()
    {
        SealedRecord before = await _node.AddAsync();
        TokenVersions.MakeInSoftHsm(KeyPurpose.Wrap, 1);

        KeyStanding standing = await KeyStanding.ReadAsync(_node.Store, _node.Hsm, CancellationToken.None);

        Assert.Null(standing.Refusal);
        Assert.Equal([KeyPurpose.Seal, KeyPurpose.Audit], standing.Keys.InUse.Select(k => k.Purpose));
        UnusedKey planted = Assert.Single(standing.Remarkable());
        Assert.Equal("custodian/wrap/1", planted.Label);
        Assert.Contains("evaluates in memory", planted.Why, StringComparison.Ordinal);
        await _node.AssertEvaluatesAsync(before);
        await _node.AssertEvaluatesAsync(await _node.AddAsync());
        await _node.AssertSoundAsync(2);
    }

    /// <summary>A database of before the list gets one without a wrap key.</summary>
    [Fact]
    public async Task Open_DatabaseOfBeforeTheList_ListsASealAndAnAuditKey()
    {
        SealedRecord record = await _node.AddAsync();
        _node.Tamper("DROP TABLE key_list; DROP TABLE key_uses; PRAGMA user_version = 2");

        await _node.ReopenAsync(migrate: true);

        KeyList list = (await _node.Store.ReadKeyListAsync(CancellationToken.None))!;
        Assert.Equal([KeyPurpose.Seal, KeyPurpose.Audit], list.Authorised.Select(k => k.Purpose));
        Assert.Null((await KeyStanding.ReadAsync(_node.Store, _node.Hsm, CancellationToken.None)).Refusal);
        await _node.AssertEvaluatesAsync(record);
    }
}
