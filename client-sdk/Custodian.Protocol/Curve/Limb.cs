using System.Runtime.CompilerServices;

namespace Custodian.Protocol;

/// <summary>
/// 64-bit digits with carry. Constant time: carries and borrows come from bitwise operations alone. A comparison would say the same, and
/// the JIT is free to compile it to a branch.
/// </summary>
internal static class Limb
{
    /// <summary>a + b + carry; the carry in and out is 0 or 1. Constant time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Add(ulong a, ulong b, ulong carryIn, out ulong carryOut)
    {
        ulong sum = unchecked(a + b + carryIn);
        carryOut = ((a & b) | ((a | b) & ~sum)) >> 63;
        return sum;
    }

    /// <summary>a - b - borrow; the borrow in and out is 0 or 1. Constant time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Subtract(ulong a, ulong b, ulong borrowIn, out ulong borrowOut)
    {
        ulong difference = unchecked(a - b - borrowIn);
        borrowOut = ((~a & b) | ((~a | b) & difference)) >> 63;
        return difference;
    }

    /// <summary>digit + a b + carry, which always fits: the low half becomes the digit, the high half is the next carry. Constant time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong MultiplyAdd(ref ulong digit, ulong a, ulong b, ulong carry)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        low = Add(low, digit, 0, out ulong first);
        digit = Add(low, carry, 0, out ulong second);
        return unchecked(high + first + second);
    }

    /// <summary>All ones for zero, else zero. Constant time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong IsZero(ulong value) => unchecked(((value | (0 - value)) >> 63) - 1);
}
