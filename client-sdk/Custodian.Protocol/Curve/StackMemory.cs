using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// Field elements live in the frames of the functions that compute with them, and stay there when those return. Whoever computed with a
/// secret scrubs before returning.
/// </summary>
internal static class StackMemory
{
    // The deepest chain of optimised frames, hash-to-curve down to a multiplication, takes under 3 KB on x64.
    private const int Depth = 16384;

    /// <summary>Overwrites the stack below the caller's frame.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    internal static void Scrub()
    {
        Span<byte> frames = stackalloc byte[Depth];
        CryptographicOperations.ZeroMemory(frames);
    }
}
