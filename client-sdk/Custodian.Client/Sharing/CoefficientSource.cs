using System.Security.Cryptography;

namespace Custodian.Client;

/// <summary>
/// Random bytes for sharing, drawn from <see cref="RandomNumberGenerator"/> in blocks of 4 KiB per thread: a call costs about a
/// microsecond whatever its length, which is more than a whole split. Bytes are erased from the block as they are handed out, so what
/// lies in memory has not been used yet and never will be twice.
/// </summary>
/// <remarks>
/// Two copies of one process made by a snapshot of its machine would share what is left of a block, as they share the state of the
/// generator behind <see cref="RandomNumberGenerator"/>, which lives in the process too.
/// </remarks>
internal static class CoefficientSource
{
    private const int BlockSize = 4096;

    [ThreadStatic]
    private static byte[]? s_block;

    [ThreadStatic]
    private static int s_used;

    /// <summary>Fills <paramref name="destination"/> with uniformly random bytes.</summary>
    internal static void Fill(Span<byte> destination)
    {
        if (destination.Length > BlockSize)
        {
            RandomNumberGenerator.Fill(destination);
            return;
        }

        byte[] block = s_block ??= NewBlock();
        if (BlockSize - s_used < destination.Length)
        {
            s_used = BlockSize;
            RandomNumberGenerator.Fill(block);
            s_used = 0;
        }

        Span<byte> taken = block.AsSpan(s_used, destination.Length);
        taken.CopyTo(destination);
        CryptographicOperations.ZeroMemory(taken);
        s_used += taken.Length;
    }

    private static byte[] NewBlock()
    {
        s_used = BlockSize;
        return GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true);
    }
}
