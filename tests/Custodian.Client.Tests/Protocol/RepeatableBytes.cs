using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Custodian.Protocol.Tests;

/// <summary>Bytes that look random and are the same in every run: SHA-256 over a name and a counter.</summary>
internal sealed class RepeatableBytes(string name)
{
    private readonly byte[] _key = SHA256.HashData(Encoding.UTF8.GetBytes(name));
    private byte[] _block = [];
    private int _used;
    private uint _counter;

    internal byte[] Next(int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = NextByte();
        }

        return bytes;
    }

    internal byte NextByte()
    {
        if (_used == _block.Length)
        {
            Span<byte> input = stackalloc byte[36];
            _key.CopyTo(input);
            BinaryPrimitives.WriteUInt32BigEndian(input[32..], _counter++);
            _block = SHA256.HashData(input);
            _used = 0;
        }

        return _block[_used++];
    }

    /// <summary>0 up to below the bound.</summary>
    internal int NextInt(int bound) => (int)(BinaryPrimitives.ReadUInt32BigEndian(Next(4)) % (uint)bound);

    /// <summary>0 up to below the bound.</summary>
    internal BigInteger NextBelow(BigInteger bound) => new BigInteger(Next(48), isUnsigned: true, isBigEndian: true) % bound;

    /// <summary>A copy with one of the mistakes that files and networks make: a bit, a byte, a cut, an insertion, a repetition.</summary>
    internal byte[] Mutate(byte[] original)
    {
        List<byte> bytes = [.. original];
        int at = NextInt(bytes.Count);
        switch (NextInt(6))
        {
            case 0:
                bytes[at] ^= (byte)(1 << NextInt(8));
                break;
            case 1:
                bytes[at] = NextByte();
                break;
            case 2:
                bytes.RemoveRange(at, 1 + NextInt(Math.Min(8, bytes.Count - at)));
                break;
            case 3:
                bytes.InsertRange(at, Next(1 + NextInt(8)));
                break;
            case 4:
                bytes.InsertRange(at, bytes.GetRange(at, 1 + NextInt(Math.Min(40, bytes.Count - at))));
                break;
            default:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
        }

        return [.. bytes];
    }
}
