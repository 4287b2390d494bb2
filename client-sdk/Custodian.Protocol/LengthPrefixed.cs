using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Custodian.Protocol;

/// <summary>
/// Builds the byte strings that are hashed, signed and authenticated (protocol.md section 2): <c>u8 u16 u32 u64</c> big-endian, and
/// <c>lp(x) = u32(len(x)) || x</c>. For public data only: its buffer grows and is not zeroed.
/// </summary>
internal sealed class LengthPrefixed
{
    // Replacing what is not text would give two different names the same bytes.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ArrayBufferWriter<byte> _bytes = new(256);

    /// <summary>Starts with an ASCII label, written without a length.</summary>
    internal LengthPrefixed(string label) => _bytes.Write(Encoding.ASCII.GetBytes(label));

    /// <summary>Starts empty.</summary>
    internal LengthPrefixed()
    {
    }

    internal LengthPrefixed Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    internal LengthPrefixed U8(byte value) => Raw([value]);

    internal LengthPrefixed U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Raw(bytes);
    }

    internal LengthPrefixed U64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return Raw(bytes);
    }

    internal LengthPrefixed Lp(ReadOnlySpan<byte> bytes) => U32(checked((uint)bytes.Length)).Raw(bytes);

    /// <exception cref="EncoderFallbackException">The text has unpaired surrogates.</exception>
    internal LengthPrefixed Lp(string text) => Lp(StrictUtf8.GetBytes(text));

    internal byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    internal byte[] Sha256() => SHA256.HashData(_bytes.WrittenSpan);
}
