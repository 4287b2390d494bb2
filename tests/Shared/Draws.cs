using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Custodian.Testing;

/// <summary>
/// Draws that follow from the run's seed and a purpose, so that a failing run can be repeated: SHA-256 over both and a counter. For tests
/// only. Thread-safe, though then the order of the draws is the scheduler's.
/// </summary>
/// <param name="purpose">What is drawn for: two purposes share no draws.</param>
internal sealed class Draws(string purpose)
{
    private readonly byte[] _key = SHA256.HashData(Encoding.UTF8.GetBytes($"{Effort.Seed}/{purpose}"));
    private long _counter;

    /// <summary>A number from 0 up to and without <paramref name="below"/>.</summary>
    internal int Next(int below)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(below);
        return (int)(BinaryPrimitives.ReadUInt64BigEndian(Block()) % (uint)below);
    }

    /// <summary>A number within bounds, both included.</summary>
    internal int Between(int least, int most) => least + Next(most - least + 1);

    /// <summary>True so many times in a hundred.</summary>
    internal bool Chance(int percent) => Next(100) < percent;

    /// <summary>One of the choices.</summary>
    internal T Pick<T>(IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    /// <summary>So many bytes.</summary>
    internal byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        for (int at = 0; at < length; at += SHA256.HashSizeInBytes)
        {
            Block().AsSpan(0, Math.Min(SHA256.HashSizeInBytes, length - at)).CopyTo(bytes.AsSpan(at));
        }

        return bytes;
    }

    private byte[] Block()
    {
        byte[] input = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(input, Interlocked.Increment(ref _counter));
        return HMACSHA256.HashData(_key, input);
    }
}
