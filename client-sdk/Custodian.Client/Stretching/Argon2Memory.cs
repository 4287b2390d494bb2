using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Custodian.Client;

/// <summary>
/// The working memory of one run: blocks of 1 KiB outside the garbage collector's reach, aligned for vector loads. Dispose overwrites
/// all of it with zeros before it goes back; what is read from it after a crash is the operating system's to erase.
/// </summary>
internal sealed unsafe class Argon2Memory : IDisposable
{
    /// <summary>64-bit words in a block.</summary>
    internal const int BlockWords = 128;

    /// <summary>Bytes in a block.</summary>
    internal const int BlockSize = BlockWords * sizeof(ulong);

    private const nuint Alignment = 64;

    private readonly nuint _size;
    private ulong* _words;

    /// <summary>Takes memory for <paramref name="blocks"/> blocks, of unspecified content.</summary>
    /// <exception cref="OutOfMemoryException">The system has not got as much.</exception>
    internal Argon2Memory(int blocks)
    {
        _size = (nuint)blocks * BlockSize;
        _words = (ulong*)NativeMemory.AlignedAlloc(_size, Alignment);
    }

    /// <summary>The words of one block.</summary>
    internal ulong* Block(int index) => _words + (nint)index * BlockWords;

    /// <summary>Fills a block from its bytes: words are little-endian.</summary>
    internal void Write(int index, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < BlockWords; i++)
        {
            Block(index)[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * sizeof(ulong))..]);
        }
    }

    /// <summary>The exclusive-or of <paramref name="count"/> blocks, <paramref name="stride"/> apart, as bytes.</summary>
    internal void ReadSum(int first, int stride, int count, Span<byte> bytes)
    {
        for (int i = 0; i < BlockWords; i++)
        {
            ulong sum = 0;
            for (int block = 0; block < count; block++)
            {
                sum ^= Block(first + block * stride)[i];
            }

            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(i * sizeof(ulong))..], sum);
        }
    }

    /// <summary>Overwrites the memory with zeros.</summary>
    internal void Erase() => NativeMemory.Clear(_words, _size);

    /// <summary>Overwrites the memory with zeros and gives it back.</summary>
    public void Dispose()
    {
        if (_words is not null)
        {
            Erase();
            NativeMemory.AlignedFree(_words);
            _words = null;
        }
    }
}
