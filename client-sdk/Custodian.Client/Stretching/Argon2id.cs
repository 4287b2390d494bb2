using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Custodian.Client;

/// <summary>Argon2id, version 0x13 (RFC 9106): a hash that is as slow to guess as its memory is large.</summary>
internal static class Argon2id
{
    private const int Version = 0x13;
    private const int TypeId = 2;
    private const int MinOutputSize = 4;
    private const int MinSaltSize = 8;
    private const int MaxBlocks = int.MaxValue / 2;

    /// <summary>Derives <paramref name="output"/> from a password.</summary>
    /// <param name="password">The password, of any length.</param>
    /// <param name="salt">8 bytes or more, 16 by custom.</param>
    /// <param name="memoryKib">Memory in KiB, at least 8 for each lane.</param>
    /// <param name="iterations">Passes over the memory, 1 or more.</param>
    /// <param name="parallelism">Lanes, 1 or more; part of what is derived, so it is not the number of threads.</param>
    /// <param name="output">Receives the result, 4 bytes or more; its length is part of what is derived.</param>
    /// <param name="cancellation">Looked at between slices, 4 for each pass.</param>
    /// <exception cref="ArgumentException">An argument is outside its form.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the memory was zeroed before.</exception>
    /// <exception cref="OutOfMemoryException">The system has not got as much memory.</exception>
    internal static void Derive(
        ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int memoryKib, int iterations, int parallelism, Span<byte> output,
        CancellationToken cancellation = default) =>
        Derive(
            new Argon2Input { Password = password, Salt = salt }, new Argon2Cost(memoryKib, iterations, parallelism), output,
            BlockMixer.Best, cancellation);

    /// <summary>Derives from all four inputs of RFC 9106, with the given instructions.</summary>
    /// <exception cref="ArgumentException">An argument is outside its form.</exception>
    /// <exception cref="PlatformNotSupportedException">The machine lacks the instructions.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the memory was zeroed before.</exception>
    /// <exception cref="OutOfMemoryException">The system has not got as much memory.</exception>
    internal static void Derive(
        in Argon2Input input, Argon2Cost cost, Span<byte> output, BlockMixing mixing, CancellationToken cancellation = default)
    {
        Check(input, cost, output, mixing);
        cancellation.ThrowIfCancellationRequested();
        using var memory = new Argon2Memory(cost.BlockCount + Argon2Filling.Workers(cost) * Argon2Lane.ScratchBlocks);
        FillFirstBlocks(input, cost, output.Length, memory);
        Argon2Filling.Run(cost, memory, mixing, cancellation);
        HashLastBlocks(cost, memory, output);
    }

    private static void FillFirstBlocks(in Argon2Input input, Argon2Cost cost, int outputSize, Argon2Memory memory)
    {
        Span<byte> seed = stackalloc byte[Blake2b.MaxDigestSize + 2 * sizeof(int)];
        Span<byte> block = stackalloc byte[Argon2Memory.BlockSize];
        try
        {
            HashInput(input, cost, outputSize, seed[..Blake2b.MaxDigestSize]);
            for (int i = 0; i < 2 * cost.Parallelism; i++)
            {
                (int lane, int column) = (i / 2, i % 2);
                BinaryPrimitives.WriteInt32LittleEndian(seed[Blake2b.MaxDigestSize..], column);
                BinaryPrimitives.WriteInt32LittleEndian(seed[(Blake2b.MaxDigestSize + sizeof(int))..], lane);
                VariableLengthHash.Hash(seed, block);
                memory.Write(lane * cost.LaneLength + column, block);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
            CryptographicOperations.ZeroMemory(block);
        }
    }

    /// <summary>H0 of RFC 9106 section 3.2.</summary>
    internal static void HashInput(in Argon2Input input, Argon2Cost cost, int outputSize, Span<byte> digest)
    {
        using var hash = new Blake2b(digest.Length);
        hash.Append(cost.Parallelism);
        hash.Append(outputSize);
        hash.Append(cost.MemoryKib);
        hash.Append(cost.Iterations);
        hash.Append(Version);
        hash.Append(TypeId);
        hash.AppendWithLength(input.Password);
        hash.AppendWithLength(input.Salt);
        hash.AppendWithLength(input.Key);
        hash.AppendWithLength(input.AssociatedData);
        hash.Finish(digest);
    }

    private static void HashLastBlocks(Argon2Cost cost, Argon2Memory memory, Span<byte> output)
    {
        Span<byte> block = stackalloc byte[Argon2Memory.BlockSize];
        try
        {
            memory.ReadSum(cost.LaneLength - 1, cost.LaneLength, cost.Parallelism, block);
            VariableLengthHash.Hash(block, output);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(block);
        }
    }

    private static void Check(in Argon2Input input, Argon2Cost cost, Span<byte> output, BlockMixing mixing)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cost.MemoryKib, MaxBlocks, nameof(cost));
        if (input.Salt.Length < MinSaltSize)
        {
            throw new ArgumentException("a salt is at least 8 bytes", nameof(input));
        }

        if (output.Length < MinOutputSize)
        {
            throw new ArgumentException("the output is at least 4 bytes", nameof(output));
        }

        if (!BlockMixer.IsSupported(mixing))
        {
            throw new PlatformNotSupportedException($"this machine lacks the instructions for {mixing}");
        }
    }
}
