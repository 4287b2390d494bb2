using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sealing;

/// <summary>Brings a blob under the newest seal key. What is in it stays in this process, and a wrapped key under the wrap key it is under.</summary>
internal static class Resealing
{
    /// <returns>The new blob, which opens to the same; or the bytes of the old one where that is under the newest key.</returns>
    /// <exception cref="HsmException">Data or Ambiguous: it does not open, or is none of a record or of the node's secrets.</exception>
    public static byte[] Run(Pkcs11Session session, TokenKeySet keys, ReadOnlySpan<byte> blob, ReadOnlySpan<byte> aad)
    {
        // A prepared key lives for minutes only, and in a client's hands.
        var role = blob.Length > 1 && blob[1] == (byte)BlobRole.NodeSecret ? BlobRole.NodeSecret : BlobRole.Record;
        var content = Open(session, keys, role, blob, aad, out var versions);
        try
        {
            return versions.Seal == keys.New.Seal.Version ? blob.ToArray() : Seal(session, keys, role, versions, content, aad);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
            keys.WipeFreed();
        }
    }

    private static byte[] Open(
        Pkcs11Session session, TokenKeySet keys, BlobRole role, ReadOnlySpan<byte> blob, ReadOnlySpan<byte> aad, out BlobVersions versions)
    {
        if (SealedBlob.PlaintextLength(keys.Mode, role, blob, out versions) < 0)
        {
            throw SealedBlob.Refused(keys.Mode, blob);
        }
        return role == BlobRole.NodeSecret
            ? NodeSecretBlobs.Open(session, keys, blob, aad)
            : RecordBlobs.OpenWhole(session, keys, blob, aad);
    }

    // It takes the place of the only copy there is, so that it opens is not taken for granted.
    private static byte[] Seal(
        Pkcs11Session session, TokenKeySet keys, BlobRole role, BlobVersions versions, ReadOnlySpan<byte> content, ReadOnlySpan<byte> aad)
    {
        var next = SealedBlob.Seal(session, keys, role, versions.Wrap, content, aad);
        var opened = Open(session, keys, role, next, aad, out _);
        var isSame = CryptographicOperations.FixedTimeEquals(opened, content);
        CryptographicOperations.ZeroMemory(opened);
        return isSame
            ? next
            : throw new HsmException(HsmErrorClass.Fatal, 0, "reseal", "The HSM opened what it had just sealed to something else.");
    }
}
