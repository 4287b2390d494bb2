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

    private static readonly byte[] s_inverses = [.. Enumerable.Range(0, 256).Select(a => Invert((byte)a))];

    /// <summary>The product of two elements. Neither a branch nor a memory index depends on them.</summary>
    internal static byte Multiply(byte a, byte b)
    {
        unchecked
        {
            uint product = 0;
            uint shifted = a;
            for (int bit = 0; bit < 8; bit++)
            {
                product ^= shifted & (0u - ((uint)b >> bit & 1));
                shifted = shifted << 1 ^ (Polynomial & (0u - (shifted >> 7)));
            }

            return (byte)product;
        }
    }

    /// <summary>The inverse a^254, and 0 for 0. Neither a branch nor a memory index depends on <paramref name="a"/>.</summary>
    internal static byte Invert(byte a)
    {
        byte power = a;
        for (int i = 0; i < 6; i++)
        {
            power = Multiply(Multiply(power, power), a);
        }

        return Multiply(power, power);
    }

    /// <summary>The inverse of a public element, and 0 for 0: from a table, so never for a byte of a secret, a share or a coefficient.</summary>
    internal static byte InvertPublic(byte a) => s_inverses[a];

    /// <summary>
    /// The product of 32 elements with one public factor. The time depends on <paramref name="factor"/>, an index or what follows from
    /// indexes, and not on <paramref name="elements"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> Multiply(Vector256<ulong> elements, uint factor)
    {
        Vector256<ulong> product = elements & Vector256.Create(unchecked(0UL - (factor & 1)));
        for (uint rest = factor >> 1; rest != 0; rest >>= 1)
        {
            elements = MultiplyByX(elements);
            product ^= elements & Vector256.Create(unchecked(0UL - (rest & 1)));
        }

        return product;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> MultiplyByX(Vector256<ulong> elements)
    {
        Vector256<ulong> top = elements & Vector256.Create(TopBits);

        // (top << 1) - (top >> 7) is 0xff in every byte whose top bit was set: the borrow of each byte is paid by its own carry.
        Vector256<ulong> overflowed = (top << 1) - (top >>> 7);
        return ((elements ^ top) << 1) ^ (overflowed & Vector256.Create(Reduction));
    }
}
