using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests.SoftHsm;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>The node's secrets are what its own HSM opens for it, and nothing else.</summary>
public sealed class NodeSecretsTests : IDisposable
{
    private static readonly NodeId Node = NodeId.Parse("node-a");

    private readonly SoftHsmToken _token = new();

    [Fact]
    public async Task Seal_OpenedByTheSameHsmForTheSameNode_GivesTheSameKeys()
    {
        await using Pkcs11Hsm hsm = await OpenAsync();
        using NodeSecrets drawn = NodeSecrets.Draw();
        byte[] sealedSecrets = await drawn.SealAsync(hsm, Node);
        using NodeSecrets opened = await NodeSecrets.OpenAsync(hsm, Node, sealedSecrets);
        Assert.Equal(drawn.RowKey.ToArray(), opened.RowKey.ToArray());
        Assert.Equal(drawn.LookupKey.ToArray(), opened.LookupKey.ToArray());
        Assert.Equal(drawn.StorageKey.ToArray(), opened.StorageKey.ToArray());
        Assert.NotEqual(drawn.RowKey.ToArray(), drawn.LookupKey.ToArray());
        Assert.NotEqual(drawn.LookupKey.ToArray(), drawn.StorageKey.ToArray());
        Assert.Equal(-1, sealedSecrets.AsSpan().IndexOf(drawn.RowKey));
    }

    [Fact]
    public async Task Open_ForAnotherNodeOrDamaged_IsRefusedByTheHsm()
    {
        await using Pkcs11Hsm hsm = await OpenAsync();
        using NodeSecrets drawn = NodeSecrets.Draw();
        byte[] sealedSecrets = await drawn.SealAsync(hsm, Node);
        HsmException other = await Assert.ThrowsAsync<HsmException>(
            async () => await NodeSecrets.OpenAsync(hsm, NodeId.Parse("node-b"), sealedSecrets));
        sealedSecrets[^1] ^= 1;
        HsmException damaged = await Assert.ThrowsAsync<HsmException>(async () => await NodeSecrets.OpenAsync(hsm, Node, sealedSecrets));
        Assert.Equal((HsmErrorClass.Data, HsmErrorClass.Data), (other.Class, damaged.Class));
    }

    [Fact]
    public async Task Open_OtherLengthSealedByTheSameHsm_IsRefused()
    {
        await using Pkcs11Hsm hsm = await OpenAsync();
        byte[] aad = new LengthPrefixed().Lp("node-secrets").Lp(Node.Value).ToArray();
        byte[] tooShort = await hsm.SealAsync(new byte[95], aad);
        await Assert.ThrowsAsync<StorageException>(async () => await NodeSecrets.OpenAsync(hsm, Node, tooShort));
    }

    [Fact]
    public async Task Dispose_KeysAskedForAfter_AreZeroedAndRefused()
    {
        await using Pkcs11Hsm hsm = await OpenAsync();
        byte[] keys = Pinned.Copy([.. Enumerable.Repeat((byte)7, 96)]);
        NodeSecrets secrets = NodeSecrets.Adopt(keys);
        secrets.Dispose();
        Assert.Equal(new byte[96], keys);
        Assert.Throws<ObjectDisposedException>(() => secrets.RowKey.ToArray());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await secrets.SealAsync(hsm, Node));
    }

    [Fact]
    public async Task CreateAndOpen_OverTheHsm_StoresAndReopens()
    {
        string folder = Directory.CreateTempSubdirectory("custodian-secrets-").FullName;
        try
        {
            await using Pkcs11Hsm hsm = await OpenAsync();
            var options = new SqliteStoreOptions { Path = Path.Combine(folder, "custodian.db") };
            await NodeDatabase.CreateAsync(options, Node, hsm, TimeProvider.System);
            AccountId id = Samples.NewAccount();
            Custodian.Core.StoredRecord record = Samples.Record(id);
            for (int run = 0; run < 2; run++)
            {
                await using SqliteAccountStore store = await StoreFolder.OpenAsync(options, hsm);
                Assert.Equal(Node, store.Node);
                Assert.Equal(run, (await store.ReadAsync(id)).Records.Length);
                await store.DecideAsync(
                    id, a => run == 0 ? Samples.Add(a, record) : Samples.Destroy(a, record.Id), CancellationToken.None);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose() => _token.Dispose();

    private async Task<Pkcs11Hsm> OpenAsync()
    {
        await _token.CreateKeysAsync();
        return await Pkcs11Hsm.OpenAsync(_token.Options(), CancellationToken.None);
    }
}
