using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// hash_to_curve of RFC 9380 with the suite P256_XMD:SHA-256_SSWU_RO_. The message may be secret (it holds the stretched secret): all of it
/// is constant time for a given length of message and tag, every buffer is zeroed, and the stack below is scrubbed.
/// </summary>
internal static class HashToCurve
{
    private const int HashSize = SHA256.HashSizeInBytes;
    private const int InputBlock = 64;
    private const int FieldElements = 2;
    private const int UniformSize = FieldElements * Residue<P256Field>.WideSize;
    private const int MaxTagSize = 255;

    /// <summary>The domain separation tag of the protocol (protocol.md section 6).</summary>
    private static ReadOnlySpan<byte> OprfTag => "custodian/v1 P256_XMD:SHA-256_SSWU_RO_"u8;

    /// <summary>T_i of protocol.md section 6: the point of an OPRF input, uncompressed, 65 bytes. Constant time.</summary>
    internal static void Oprf(ReadOnlySpan<byte> input, Span<byte> point65) => Hash(input, OprfTag, point65);

    /// <summary>
    /// RFC 9380 section 3: two field elements from the message, each mapped to the curve, and their sum, uncompressed, 65 bytes. Constant
    /// time in the message; the tag is public.
    /// </summary>
    /// <exception cref="ArgumentException">The tag is empty or longer than 255 bytes, or the destination is not 65 bytes.</exception>
    internal static void Hash(ReadOnlySpan<byte> message, ReadOnlySpan<byte> dst, Span<byte> point65)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(point65.Length, P256.PointSize, nameof(point65));
        Span<byte> uniform = stackalloc byte[UniformSize];
        try
        {
            ExpandMessage(message, dst, uniform);
            MapAndAdd(uniform, point65);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(uniform);
            StackMemory.Scrub();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MapAndAdd(ReadOnlySpan<byte> uniform, Span<byte> point65)
    {
        const int Wide = Residue<P256Field>.WideSize;
        ProjectivePoint first = SimplifiedSwu.Map(Residue<P256Field>.ReduceWide(uniform[..Wide]));
        ProjectivePoint second = SimplifiedSwu.Map(Residue<P256Field>.ReduceWide(uniform[Wide..]));
        (first + second).WriteUncompressed(point65);
    }

    /// <summary>
    /// expand_message_xmd with SHA-256, RFC 9380 section 5.3.1, into as many bytes as <paramref name="uniform"/> has (a multiple of 32 here).
    /// Constant time in the message.
    /// </summary>
    private static void ExpandMessage(ReadOnlySpan<byte> message, ReadOnlySpan<byte> tag, Span<byte> uniform)
    {
        if (tag.Length is 0 or > MaxTagSize)
        {
            throw new ArgumentException("a domain separation tag is 1 to 255 bytes", nameof(tag));
        }

        Span<byte> b0 = stackalloc byte[HashSize];
        HashFirstBlock(message, tag, checked((ushort)uniform.Length), b0);

        // block = (b_0 xor b_(i-1)) || u8(i) || DST || u8(len(DST)), where b_0 alone stands in the first.
        Span<byte> block = stackalloc byte[HashSize + 1 + tag.Length + 1];
        tag.CopyTo(block[(HashSize + 1)..]);
        block[^1] = (byte)tag.Length;
        b0.CopyTo(block);
        for (int i = 0; i < uniform.Length / HashSize; i++)
        {
            block[HashSize] = (byte)(i + 1);
            Span<byte> digest = uniform.Slice(i * HashSize, HashSize);
            SHA256.HashData(block, digest);
            Xor(b0, digest, block);
        }

        CryptographicOperations.ZeroMemory(b0);
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>b_0 = H(64 zero bytes || message || u16(length) || u8(0) || DST || u8(len(DST))).</summary>
    private static void HashFirstBlock(ReadOnlySpan<byte> message, ReadOnlySpan<byte> tag, ushort length, Span<byte> digest)
    {
        byte[] block = Pinned.Bytes(InputBlock + message.Length + 3 + tag.Length + 1);
        try
        {
            message.CopyTo(block.AsSpan(InputBlock));
            Span<byte> rest = block.AsSpan(InputBlock + message.Length);
            BinaryPrimitives.WriteUInt16BigEndian(rest, length);
            tag.CopyTo(rest[3..]);
            rest[^1] = (byte)tag.Length;
            SHA256.HashData(block, digest);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(block);
        }
    }

    private static void Xor(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> result)
    {
        for (int i = 0; i < HashSize; i++)
        {
            result[i] = (byte)(a[i] ^ b[i]);
        }
    }
}
