using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Custodian.Client;

/// <summary>
/// The field GF(2^8) modulo x^8+x^4+x^3+x+1 (protocol.md section 4). Constant time in every factor that may be secret: shifts, masks and
/// exclusive-or only, no branch on a value and no memory index by one, in vector registers and in the runtime's stand-in for them alike.
/// </summary>
internal static class Gf256
{
    private const uint Polynomial = 0x11b;
    private const ulong TopBits = 0x8080_8080_8080_8080;
    private const ulong Reduction = 0x1b1b_1b1b_1b1b_1b1b;
    private const int Order = 255;

    // The powers of 3, which generates every element but 0, twice over: the sum of two logarithms needs no remainder.
    private static readonly byte[] s_powers = Powers();
    private static readonly byte[] s_logarithms = Logarithms(s_powers);

    /// <summary>The product of two public elements: from tables, so never for a byte of a secret, a share or a coefficient.</summary>
    internal static byte MultiplyPublic(byte a, byte b) => a == 0 || b == 0 ? (byte)0 : s_powers[s_logarithms[a] + s_logarithms[b]];

    /// <summary>A public element through one that is not 0, from the same tables.</summary>
    internal static byte DividePublic(byte a, byte b) => a == 0 ? (byte)0 : s_powers[s_logarithms[a] + Order - s_logarithms[b]];

    /// <summary>
    /// The product of 32 elements with one public factor. The time depends on <paramref name="factor"/>, an index or what follows from
    /// indexes, and not on <paramref name="elements"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> Multiply(Vector256<ulong> elements, uint factor)
    {
        Vector256<ulong> product = elements & Mask(factor);
        for (uint rest = factor >> 1; rest != 0; rest >>= 1)
        {
            elements = MultiplyByX(elements);
            product ^= elements & Mask(rest);
        }

        return product;
    }

    /// <summary>All bits where the lowest one is set, none where it is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> Mask(uint bits) => Vector256.Create(unchecked(0UL - (bits & 1)));

    /// <summary>The product of 32 elements with x, which is 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> MultiplyByX(Vector256<ulong> elements)
    {
        Vector256<ulong> top = elements & Vector256.Create(TopBits);

        // (top << 1) - (top >> 7) is 0xff in every byte whose top bit was set: the borrow of each byte is paid by its own carry.
        Vector256<ulong> overflowed = (top << 1) - (top >>> 7);
        return ((elements ^ top) << 1) ^ (overflowed & Vector256.Create(Reduction));
    }

    private static byte[] Powers()
    {
        byte[] powers = new byte[2 * Order];
        powers[0] = 1;
        for (int i = 1; i < powers.Length; i++)
        {
            uint last = powers[i - 1];
            powers[i] = unchecked((byte)(last ^ last << 1 ^ (last >> 7) * Polynomial));
        }

        return powers;
    }

    private static byte[] Logarithms(byte[] powers)
    {
        byte[] logarithms = new byte[Order + 1];
        for (int i = 0; i < Order; i++)
        {
            logarithms[powers[i]] = (byte)i;
        }

        return logarithms;
    }
}
