using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Custodian.Client;

/// <summary>
/// BLAKE2b without a key (RFC 7693), fed piece by piece. State and buffered input are zeroed on dispose. No branch and no memory index
/// depends on the input's bytes.
/// </summary>
internal ref struct Blake2b
{
    /// <summary>The longest digest, in bytes.</summary>
    internal const int MaxDigestSize = 64;

    private const int BlockSize = 128;
    private const int Rounds = 12;

    private State _state;
    private Block _block;
    private int _buffered;
    private ulong _compressed;

    /// <summary>Starts a digest of <paramref name="digestSize"/> bytes, 1 to 64; the size is part of what is hashed.</summary>
    internal Blake2b(int digestSize)
    {
        InitialState.CopyTo(_state);
        _state[0] ^= 0x0101_0000 ^ (uint)digestSize;
        DigestSize = digestSize;
    }

    /// <summary>Length of the digest in bytes.</summary>
    internal int DigestSize { get; }

    private static ReadOnlySpan<ulong> InitialState =>
    [
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    ];

    /// <summary>RFC 7693 section 2.7; rounds 10 and 11 repeat the first two.</summary>
    private static ReadOnlySpan<byte> Schedule =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
    ];

    /// <summary>The digest of one piece: <paramref name="digest"/>'s length says which.</summary>
    internal static void Hash(ReadOnlySpan<byte> input, Span<byte> digest)
    {
        using var hash = new Blake2b(digest.Length);
        hash.Append(input);
        hash.Finish(digest);
    }

    /// <summary>Hashes <paramref name="input"/> after what came before.</summary>
    internal void Append(scoped ReadOnlySpan<byte> input)
    {
        while (!input.IsEmpty)
        {
            // A full block waits for the next byte: only then is it known not to be the last, which is compressed differently.
            if (_buffered == BlockSize)
            {
                Compress(BlockSize, last: false);
                _buffered = 0;
            }

            int taken = Math.Min(input.Length, BlockSize - _buffered);
            input[..taken].CopyTo(_block[_buffered..]);
            _buffered += taken;
            input = input[taken..];
        }
    }

    /// <summary>Hashes a number as its four bytes, little-endian.</summary>
    internal void Append(int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        Append(bytes);
    }

    /// <summary>Hashes the length of <paramref name="input"/> as four bytes, little-endian, and then its bytes.</summary>
    internal void AppendWithLength(scoped ReadOnlySpan<byte> input)
    {
        Append(input.Length);
        Append(input);
    }

    /// <summary>Writes the digest, exactly <see cref="DigestSize"/> bytes. Nothing may be appended afterwards.</summary>
    internal void Finish(Span<byte> digest)
    {
        Span<byte> unused = _block[_buffered..];
        unused.Clear();
        Compress(_buffered, last: true);

        Span<ulong> words = _state;
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(words, words);
        }

        MemoryMarshal.AsBytes(words)[..DigestSize].CopyTo(digest);
    }

    /// <summary>Overwrites everything that follows from the input with zeros.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes((Span<ulong>)_state));
        CryptographicOperations.ZeroMemory((Span<byte>)_block);
    }

    private void Compress(int length, bool last)
    {
        unchecked
        {
            _compressed += (uint)length;
            Span<ulong> message = stackalloc ulong[16];
            Span<ulong> working = stackalloc ulong[16];
            ReadWords(_block, message);
            ((ReadOnlySpan<ulong>)_state).CopyTo(working);
            InitialState.CopyTo(working[8..]);
            working[12] ^= _compressed;
            working[14] ^= last ? ulong.MaxValue : 0;
            for (int round = 0; round < Rounds; round++)
            {
                Round(working, message, Schedule.Slice(round % 10 * 16, 16));
            }

            for (int i = 0; i < 8; i++)
            {
                _state[i] ^= working[i] ^ working[i + 8];
            }

            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(message));
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(working));
        }
    }

    private static void ReadWords(ReadOnlySpan<byte> block, Span<ulong> words)
    {
        MemoryMarshal.Cast<byte, ulong>(block).CopyTo(words);
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    private static void Round(Span<ulong> v, ReadOnlySpan<ulong> message, ReadOnlySpan<byte> order)
    {
        for (int i = 0; i < 4; i++)
        {
            Mix(ref v[i], ref v[4 + i], ref v[8 + i], ref v[12 + i], message[order[2 * i]], message[order[2 * i + 1]]);
        }

        for (int i = 0; i < 4; i++)
        {
            Mix(
                ref v[i], ref v[4 + (i + 1) % 4], ref v[8 + (i + 2) % 4], ref v[12 + (i + 3) % 4],
                message[order[8 + 2 * i]], message[order[9 + 2 * i]]);
        }
    }

    private static void Mix(ref ulong a, ref ulong b, ref ulong c, ref ulong d, ulong x, ulong y)
    {
        unchecked
        {
            a += b + x;
            d = BitOperations.RotateRight(d ^ a, 32);
            c += d;
            b = BitOperations.RotateRight(b ^ c, 24);
            a += b + y;
            d = BitOperations.RotateRight(d ^ a, 16);
            c += d;
            b = BitOperations.RotateRight(b ^ c, 63);
        }
    }

    [InlineArray(8)]
    private struct State
    {
        private ulong _first;
    }

    [InlineArray(BlockSize)]
    private struct Block
    {
        private byte _first;
    }
}
