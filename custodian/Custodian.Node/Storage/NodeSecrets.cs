using System.Security.Cryptography;
using Custodian.Pkcs11;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>
/// The three keys that a node's database is under (architecture.md "Storage"), 32 bytes each: the row key authenticates rows, the lookup
/// key names accounts, the storage key encrypts headers and envelopes. The database keeps them sealed by the HSM; here they lie in
/// memory that the collector never moves and that <see cref="Dispose"/> zeroes.
/// </summary>
internal sealed class NodeSecrets : IDisposable
{
    /// <summary>Length of each key in bytes.</summary>
    internal const int KeySize = 32;

    private const int KeyCount = 3;

    private readonly byte[] _keys;
    private bool _disposed;

    private NodeSecrets(byte[] keys) => _keys = keys;

    /// <summary>Keys every row's MAC.</summary>
    internal ReadOnlySpan<byte> RowKey => Key(0);

    /// <summary>Keys the names of account rows.</summary>
    internal ReadOnlySpan<byte> LookupKey => Key(1);

    /// <summary>Encrypts what was deposited.</summary>
    internal ReadOnlySpan<byte> StorageKey => Key(2);

    /// <summary>Draws the secrets of a new node from the system's random number generator.</summary>
    internal static NodeSecrets Draw()
    {
        byte[] keys = Pinned.Bytes(KeySize * KeyCount);
        RandomNumberGenerator.Fill(keys);
        return new NodeSecrets(keys);
    }

    /// <summary>Takes over the three keys, one after the other as <see cref="RowKey"/>, <see cref="LookupKey"/>, <see cref="StorageKey"/>.</summary>
    /// <param name="pinnedKeys">96 bytes that nothing moves and nobody else keeps; zeroed with the rest.</param>
    /// <exception cref="StorageException">They are not three keys; they are zeroed all the same.</exception>
    internal static NodeSecrets Adopt(byte[] pinnedKeys)
    {
        if (pinnedKeys.Length == KeySize * KeyCount)
        {
            return new NodeSecrets(pinnedKeys);
        }

        CryptographicOperations.ZeroMemory(pinnedKeys);
        throw new StorageException(StorageFault.Unavailable, "the node's sealed secrets are of another form than this program knows");
    }

    /// <summary>Seals the secrets so that only this HSM opens them, and only as the secrets of <paramref name="node"/>.</summary>
    /// <exception cref="HsmException">The HSM did not do it.</exception>
    internal ValueTask<byte[]> SealAsync(IHsm hsm, NodeId node)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return hsm.SealAsync(_keys, Context(node));
    }

    /// <summary>Opens what <see cref="SealAsync"/> sealed.</summary>
    /// <exception cref="HsmException">Class <see cref="HsmErrorClass.Data"/>: sealed by another HSM, for another node, or damaged.</exception>
    /// <exception cref="StorageException">It opens to something else than three keys.</exception>
    internal static async ValueTask<NodeSecrets> OpenAsync(IHsm hsm, NodeId node, ReadOnlyMemory<byte> sealedSecrets) =>
        Adopt(await hsm.OpenAsync(sealedSecrets, Context(node)).ConfigureAwait(false));

    /// <summary>Has the HSM bring sealed secrets under its newest key; they are not seen here.</summary>
    /// <exception cref="HsmException">The HSM did not do it.</exception>
    internal static ValueTask<byte[]> ResealAsync(IHsm hsm, HsmAdmission admission, NodeId node, ReadOnlyMemory<byte> sealedSecrets) =>
        hsm.ResealAsync(admission, sealedSecrets, Context(node));

    /// <summary>Zeroes the keys.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_keys);
    }

    private static byte[] Context(NodeId node) => new LengthPrefixed().Lp("node-secrets").Lp(node.Value).ToArray();

    private ReadOnlySpan<byte> Key(int index)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _keys.AsSpan(index * KeySize, KeySize);
    }
}
