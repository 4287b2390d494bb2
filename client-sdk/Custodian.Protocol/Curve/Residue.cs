using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// An element of the integers modulo n, in Montgomery form with R = 2^256: four 64-bit limbs, always below n.
/// <para>
/// Constant time throughout: every function runs the same instructions and touches the same addresses whatever the limbs are. Carries and
/// borrows are computed with bitwise operations, never with a comparison that a compiler may turn into a branch; choices are masks of all
/// ones or all zeros. It rests on the processor's 64-bit multiplication taking a fixed time, as it does on x64 and arm64. Functions that
/// take something public, an exponent or a length, say so.
/// </para>
/// </summary>
/// <typeparam name="TModulus">The modulus n.</typeparam>
internal readonly partial struct Residue<TModulus>
    where TModulus : struct, IModulus
{
    /// <summary>The length of a value in bytes.</summary>
    internal const int Size = 32;

    /// <summary>The length of a wide value, which <see cref="ReduceWide"/> takes.</summary>
    internal const int WideSize = 48;

    private readonly ulong _l0;
    private readonly ulong _l1;
    private readonly ulong _l2;
    private readonly ulong _l3;

    private Residue(ulong l0, ulong l1, ulong l2, ulong l3)
    {
        _l0 = l0;
        _l1 = l1;
        _l2 = l2;
        _l3 = l3;
    }

    /// <summary>1: R mod n, which is 2^256 - n. Constant.</summary>
    internal static Residue<TModulus> One
    {
        get
        {
            unchecked
            {
                ulong l0 = Limb.Subtract(0, TModulus.N0, 0, out ulong borrow);
                ulong l1 = Limb.Subtract(0, TModulus.N1, borrow, out borrow);
                ulong l2 = Limb.Subtract(0, TModulus.N2, borrow, out borrow);
                return new(l0, l1, l2, Limb.Subtract(0, TModulus.N3, borrow, out _));
            }
        }
    }

    private static Residue<TModulus> RadixSquared
    {
        get
        {
            (ulong l0, ulong l1, ulong l2, ulong l3) = TModulus.RadixSquared;
            return new(l0, l1, l2, l3);
        }
    }

    /// <summary>A constant that is written in Montgomery form already, limb 0 first.</summary>
    internal static Residue<TModulus> FromMontgomery(ulong l0, ulong l1, ulong l2, ulong l3) => new(l0, l1, l2, l3);

    /// <summary>
    /// Reads 32 big-endian bytes. <paramref name="isBelow"/> is all ones when they are below n, else zero, and the value is then
    /// reduced. Constant time.
    /// </summary>
    internal static Residue<TModulus> Read(ReadOnlySpan<byte> bytes, out ulong isBelow)
    {
        Residue<TModulus> plain = ReadLimbs(bytes);
        unchecked
        {
            Limb.Subtract(plain._l0, TModulus.N0, 0, out ulong borrow);
            Limb.Subtract(plain._l1, TModulus.N1, borrow, out borrow);
            Limb.Subtract(plain._l2, TModulus.N2, borrow, out borrow);
            Limb.Subtract(plain._l3, TModulus.N3, borrow, out borrow);
            isBelow = 0 - borrow;
        }

        return plain * RadixSquared;
    }

    /// <summary>Reduces 48 big-endian bytes modulo n: high 2^256 + low, each brought into Montgomery form. Constant time.</summary>
    internal static Residue<TModulus> ReduceWide(ReadOnlySpan<byte> bytes)
    {
        Span<byte> high = stackalloc byte[Size];
        bytes[..(WideSize - Size)].CopyTo(high[(Size - (WideSize - Size))..]);
        Residue<TModulus> shifted = ReadLimbs(high) * RadixSquared * RadixSquared;
        CryptographicOperations.ZeroMemory(high);
        return shifted + (ReadLimbs(bytes[(WideSize - Size)..WideSize]) * RadixSquared);
    }

    /// <summary>Writes the value as 32 big-endian bytes. Constant time.</summary>
    internal void Write(Span<byte> bytes)
    {
        Residue<TModulus> plain = this * new Residue<TModulus>(1, 0, 0, 0);
        BinaryPrimitives.WriteUInt64BigEndian(bytes, plain._l3);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], plain._l2);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], plain._l1);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], plain._l0);
    }

    /// <summary>All ones when the value is zero, else zero. Constant time.</summary>
    internal ulong IsZero() => Limb.IsZero(_l0 | _l1 | _l2 | _l3);

    /// <summary>All ones when both values are the same, else zero. Constant time.</summary>
    internal ulong IsSame(in Residue<TModulus> other) =>
        Limb.IsZero((_l0 ^ other._l0) | (_l1 ^ other._l1) | (_l2 ^ other._l2) | (_l3 ^ other._l3));

    /// <summary>All ones when the value, as an integer in 0..n-1, is odd, else zero; sgn0 of RFC 9380 section 4.1. Constant time.</summary>
    internal ulong IsOdd() => unchecked(0 - ((this * new Residue<TModulus>(1, 0, 0, 0))._l0 & 1));

    /// <summary><paramref name="whenSet"/> for a mask of all ones, <paramref name="whenClear"/> for zero. Constant time.</summary>
    internal static Residue<TModulus> Select(ulong mask, in Residue<TModulus> whenSet, in Residue<TModulus> whenClear) =>
        new(
            whenClear._l0 ^ (mask & (whenSet._l0 ^ whenClear._l0)),
            whenClear._l1 ^ (mask & (whenSet._l1 ^ whenClear._l1)),
            whenClear._l2 ^ (mask & (whenSet._l2 ^ whenClear._l2)),
            whenClear._l3 ^ (mask & (whenSet._l3 ^ whenClear._l3)));

    /// <summary>
    /// The value raised to a 32-byte big-endian exponent, in windows of four bits. Constant time in the value; the exponent is
    /// <b>public</b>: it chooses the table's entries and skips its zero digits.
    /// </summary>
    internal Residue<TModulus> Power(ReadOnlySpan<byte> publicExponent)
    {
        Span<Residue<TModulus>> powers = stackalloc Residue<TModulus>[16];
        powers[0] = One;
        for (int i = 1; i < powers.Length; i++)
        {
            powers[i] = powers[i - 1] * this;
        }

        Residue<TModulus> result = One;
        foreach (byte digits in publicExponent)
        {
            result = result.TimesDigit(digits >> 4, powers).TimesDigit(digits & 15, powers);
        }

        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(powers));
        return result;
    }

    private Residue<TModulus> TimesDigit(int publicDigit, ReadOnlySpan<Residue<TModulus>> powers)
    {
        Residue<TModulus> raised = Squared().Squared().Squared().Squared();
        return publicDigit == 0 ? raised : raised * powers[publicDigit];
    }

    private static Residue<TModulus> ReadLimbs(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes));
}
