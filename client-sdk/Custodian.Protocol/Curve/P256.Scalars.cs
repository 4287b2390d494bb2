using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Custodian.Protocol;

/// <content>Scalars: 32 big-endian bytes, secret.</content>
internal static partial class P256
{
    // q - 1, limb 0 first.
    private const ulong D0 = 0xf3b9cac2fc632550;
    private const ulong D1 = 0xbce6faada7179e84;
    private const ulong D2 = 0xffffffffffffffff;
    private const ulong D3 = 0xffffffff00000000;

    /// <summary>Whether these are the 32 bytes of a scalar in 1..q-1. Constant time but for the answer and the length.</summary>
    internal static bool IsValidScalar(ReadOnlySpan<byte> scalar)
    {
        if (scalar.Length != WordSize)
        {
            return false;
        }

        Residue<P256Order> value = Residue<P256Order>.Read(scalar, out ulong isBelow);
        return (isBelow & ~value.IsZero()) != 0;
    }

    /// <summary>1/scalar modulo q. Constant time.</summary>
    /// <exception cref="ArgumentException">The scalar is not 32 bytes in 1..q-1, or the destination not 32 bytes.</exception>
    internal static void InvertScalar(ReadOnlySpan<byte> scalar, Span<byte> inverse32)
    {
        ThrowUnlessScalar(scalar);
        ArgumentOutOfRangeException.ThrowIfNotEqual(inverse32.Length, WordSize, nameof(inverse32));
        InvertInto(scalar, inverse32);
        StackMemory.Scrub();
    }

    /// <summary>
    /// (v mod (q-1)) + 1 for a 48-byte big-endian v (protocol.md section 7), which is a scalar in 1..q-1 as close to uniform as 384 bits
    /// allow. q-1 is even, which Montgomery's method cannot take: it is done bit by bit, doubling and subtracting under a mask. Constant
    /// time.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The input is not 48 bytes or the destination not 32.</exception>
    internal static void ReduceToScalar(ReadOnlySpan<byte> wide48, Span<byte> scalar32)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wide48.Length, Residue<P256Order>.WideSize, nameof(wide48));
        ArgumentOutOfRangeException.ThrowIfNotEqual(scalar32.Length, WordSize, nameof(scalar32));
        ReduceInto(wide48, scalar32);
        StackMemory.Scrub();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void InvertInto(ReadOnlySpan<byte> scalar, Span<byte> inverse32) =>
        P256Order.Invert(Residue<P256Order>.Read(scalar, out _)).Write(inverse32);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ReduceInto(ReadOnlySpan<byte> wide48, Span<byte> scalar32)
    {
        ulong r0 = 0, r1 = 0, r2 = 0, r3 = 0;
        foreach (byte digits in wide48)
        {
            for (int bit = 7; bit >= 0; bit--)
            {
                AppendBit(((ulong)digits >> bit) & 1, ref r0, ref r1, ref r2, ref r3);
            }
        }

        r0 = Limb.Add(r0, 1, 0, out ulong carry);
        r1 = Limb.Add(r1, 0, carry, out carry);
        r2 = Limb.Add(r2, 0, carry, out carry);
        WriteLimbs(r0, r1, r2, Limb.Add(r3, 0, carry, out _), scalar32);
    }

    /// <summary>r = (2 r + bit) mod (q-1), for r below q-1. Constant time.</summary>
    private static void AppendBit(ulong bit, ref ulong r0, ref ulong r1, ref ulong r2, ref ulong r3)
    {
        ulong top = r3 >> 63;
        r3 = (r3 << 1) | (r2 >> 63);
        r2 = (r2 << 1) | (r1 >> 63);
        r1 = (r1 << 1) | (r0 >> 63);
        r0 = (r0 << 1) | bit;

        ulong s0 = Limb.Subtract(r0, D0, 0, out ulong borrow);
        ulong s1 = Limb.Subtract(r1, D1, borrow, out borrow);
        ulong s2 = Limb.Subtract(r2, D2, borrow, out borrow);
        ulong s3 = Limb.Subtract(r3, D3, borrow, out borrow);
        Limb.Subtract(top, 0, borrow, out borrow);
        ulong keep = unchecked(0 - borrow);
        r0 = s0 ^ (keep & (s0 ^ r0));
        r1 = s1 ^ (keep & (s1 ^ r1));
        r2 = s2 ^ (keep & (s2 ^ r2));
        r3 = s3 ^ (keep & (s3 ^ r3));
    }

    private static void WriteLimbs(ulong l0, ulong l1, ulong l2, ulong l3, Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, l3);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], l2);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], l1);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], l0);
    }

    private static void ThrowUnlessScalar(ReadOnlySpan<byte> scalar)
    {
        if (!IsValidScalar(scalar))
        {
            throw new ArgumentException("a scalar is 32 bytes in 1..q-1", nameof(scalar));
        }
    }
}
