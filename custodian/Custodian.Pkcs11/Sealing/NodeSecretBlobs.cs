using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sealing;

/// <summary>Blobs of the node's own secrets.</summary>
internal static class NodeSecretBlobs
{
    public static byte[] Seal(Pkcs11Session session, TokenKeySet keys, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> aad) =>
        SealedBlob.Seal(session, keys, BlobRole.NodeSecret, wrapVersion: null, plaintext, aad);

    /// <returns>The secret in pinned memory; its owner zeroes it.</returns>
    public static byte[] Open(Pkcs11Session session, TokenKeySet keys, ReadOnlySpan<byte> blob, ReadOnlySpan<byte> aad)
    {
        var length = SealedBlob.PlaintextLength(keys.Mode, BlobRole.NodeSecret, blob, out var versions);
        if (length < 0)
        {
            throw SealedBlob.Refused(keys.Mode, blob);
        }
        var room = GC.AllocateArray<byte>(SealedBlob.RoomFor(length), pinned: true);
        try
        {
            SealedBlob.Open(session, keys.SealsOf(versions.Seal), keys.Mode, BlobRole.NodeSecret, blob, aad, room);
            var secret = GC.AllocateUninitializedArray<byte>(length, pinned: true);
            room.AsSpan(0, length).CopyTo(secret);
            return secret;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
        }
    }
}
