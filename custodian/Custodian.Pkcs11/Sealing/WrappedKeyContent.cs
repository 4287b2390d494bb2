using System.Buffers.Binary;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sealing;

/// <summary>
/// What the two roles with a key hold: <c>lp(wrapped key) || public point(65) || tail</c>, where the tail is the u64 expiry of a
/// prepared key or the 32-byte masked share of a record. The point stands beside the wrapping because not every module puts it inside. Where
/// keys are evaluated in memory the 32 bytes of the key stand in the wrapping's place.
/// </summary>
internal readonly ref struct WrappedKeyContent
{
    public const int ExpiryLength = 8;
    public const int MaskedShareLength = 32;
    public const int MaxLength = 4 + Pkcs11Session.MaxWrappedKeyLength + Pkcs11Session.PointLength + MaskedShareLength;

    private WrappedKeyContent(ReadOnlySpan<byte> key, ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> point, ReadOnlySpan<byte> tail)
    {
        Key = key;
        Wrapped = wrapped;
        Point = point;
        Tail = tail;
    }

    /// <summary>Everything but the tail: what a record takes over from a prepared key.</summary>
    public ReadOnlySpan<byte> Key { get; }

    public ReadOnlySpan<byte> Wrapped { get; }

    public ReadOnlySpan<byte> Point { get; }

    public ReadOnlySpan<byte> Tail { get; }

    /// <summary>How long the tail of a role is.</summary>
    public static int TailLength(BlobRole role) => role == BlobRole.PreparedKey ? ExpiryLength : MaskedShareLength;

    /// <summary>Reads content strictly: every length must fit to the byte.</summary>
    public static bool TryParse(EvaluationMode mode, BlobRole role, ReadOnlySpan<byte> content, out WrappedKeyContent parsed)
    {
        parsed = default;
        var tailLength = TailLength(role);
        if (content.Length < 4 + Pkcs11Session.PointLength + tailLength)
        {
            return false;
        }
        var wrappedLength = BinaryPrimitives.ReadUInt32BigEndian(content);
        var pointStart = 4 + (long)wrappedLength;
        if (!IsKeyLength(mode, wrappedLength) || content.Length != pointStart + Pkcs11Session.PointLength + tailLength)
        {
            return false;
        }
        var point = content.Slice((int)pointStart, Pkcs11Session.PointLength);
        if (point[0] != 0x04)
        {
            return false;
        }
        parsed = new WrappedKeyContent(content[..^tailLength], content[4..(int)pointStart], point, content[^tailLength..]);
        return true;
    }

    /// <summary>Writes content.</summary>
    /// <returns>How many bytes it took.</returns>
    public static int Write(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> point, ReadOnlySpan<byte> tail, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)wrapped.Length);
        wrapped.CopyTo(destination[4..]);
        point.CopyTo(destination[(4 + wrapped.Length)..]);
        tail.CopyTo(destination[(4 + wrapped.Length + point.Length)..]);
        return 4 + wrapped.Length + point.Length + tail.Length;
    }

    // RFC 5649: whole 8-byte blocks, and one more than the key has; the PKCS#8 form of a P-256 key is at least 67 bytes.
    private static bool IsKeyLength(EvaluationMode mode, uint length) => mode == EvaluationMode.Memory
        ? length == MemoryKey.Length
        : length is >= 72 and <= Pkcs11Session.MaxWrappedKeyLength && length % 8 == 0;
}
