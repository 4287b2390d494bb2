using System.Buffers.Binary;
using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sealing;

/// <summary>The life of a record's key between its blobs: prepared, adopted into a record, evaluated.</summary>
internal static class RecordBlobs
{
    /// <summary>Makes a key, evaluates it and seals it with its expiry.</summary>
    public static PreparedKey Prepare(
        Pkcs11Session session, TokenKeySet keys, ReadOnlySpan<byte> point, long expiresUnixMs, ReadOnlySpan<byte> aad)
    {
        var evaluated = GC.AllocateUninitializedArray<byte>(Pkcs11Session.CoordinateLength, pinned: true);
        Span<byte> publicPoint = stackalloc byte[Pkcs11Session.PointLength];
        Span<byte> wrapped = stackalloc byte[Pkcs11Session.MaxWrappedKeyLength];
        Span<byte> expiry = stackalloc byte[WrappedKeyContent.ExpiryLength];
        Span<byte> content = stackalloc byte[WrappedKeyContent.MaxLength];
        try
        {
            var wrappedLength = RecordKey.Make(session, keys.Module, keys.New.Wrap, point, evaluated, publicPoint, wrapped);
            BinaryPrimitives.WriteInt64BigEndian(expiry, expiresUnixMs);
            var length = WrappedKeyContent.Write(wrapped[..wrappedLength], publicPoint, expiry, content);
            return new PreparedKey(evaluated, SealedBlob.Seal(session, keys, BlobRole.PreparedKey, keys.New.Wrap?.Name.Version, content[..length], aad));
        }
        finally
        {
            // At a node that evaluates in memory both hold the key itself.
            CryptographicOperations.ZeroMemory(wrapped);
            CryptographicOperations.ZeroMemory(content);
            keys.WipeFreed();
        }
    }

    /// <summary>Opens a record's secret part, unwraps its key and evaluates it.</summary>
    /// <exception cref="HsmException">Data or Ambiguous: it does not open.</exception>
    public static Evaluation Evaluate(
        Pkcs11Session session, TokenKeySet keys, ReadOnlySpan<byte> sealedRecord, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> point)
    {
        Span<byte> room = stackalloc byte[SealedBlob.RoomFor(WrappedKeyContent.MaxLength)];
        try
        {
            var content = OpenContent(session, keys, BlobRole.Record, sealedRecord, aad, room, out var wrapVersion);
            var evaluated = GC.AllocateUninitializedArray<byte>(Pkcs11Session.CoordinateLength, pinned: true);
            RecordKey.Evaluate(session, keys.Module, keys.WrapsOf(wrapVersion), content.Wrapped, point, evaluated);
            return new Evaluation(evaluated, PinnedCopy(content.Tail));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
        }
    }

    /// <summary>Opens the blob of a role that holds a wrapped key. Its content comes to lie in the room, which the caller zeroes.</summary>
    public static WrappedKeyContent OpenContent(
        Pkcs11Session session,
        TokenKeySet keys,
        BlobRole role,
        ReadOnlySpan<byte> blob,
        ReadOnlySpan<byte> aad,
        Span<byte> room,
        out uint? wrapVersion)
    {
        var length = SealedBlob.PlaintextLength(keys.Mode, role, blob, out var versions);
        if (length is < 0 or > WrappedKeyContent.MaxLength)
        {
            throw SealedBlob.Refused(keys.Mode, blob);
        }
        wrapVersion = versions.Wrap;
        SealedBlob.Open(session, keys.SealsOf(versions.Seal), keys.Mode, role, blob, aad, room[..SealedBlob.RoomFor(length)]);
        return WrappedKeyContent.TryParse(keys.Mode, role, room[..length], out var content) ? content : throw SealedBlob.Malformed();
    }

    /// <summary>All that a record's secret part holds, in pinned memory; its owner zeroes it.</summary>
    public static byte[] OpenWhole(Pkcs11Session session, TokenKeySet keys, ReadOnlySpan<byte> sealedRecord, ReadOnlySpan<byte> aad)
    {
        Span<byte> room = stackalloc byte[SealedBlob.RoomFor(WrappedKeyContent.MaxLength)];
        try
        {
            var content = OpenContent(session, keys, BlobRole.Record, sealedRecord, aad, room, out _);
            return PinnedCopy(room[..(content.Key.Length + content.Tail.Length)]);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
        }
    }

    private static byte[] PinnedCopy(ReadOnlySpan<byte> secret)
    {
        var copy = GC.AllocateUninitializedArray<byte>(secret.Length, pinned: true);
        secret.CopyTo(copy);
        return copy;
    }
}
