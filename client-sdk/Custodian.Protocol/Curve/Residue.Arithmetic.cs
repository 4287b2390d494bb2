using System.Runtime.CompilerServices;

namespace Custodian.Protocol;

/// <content>Addition, subtraction and Montgomery multiplication. All constant time.</content>
internal readonly partial struct Residue<TModulus>
{
    /// <summary>a + b. Constant time.</summary>
    public static Residue<TModulus> operator +(in Residue<TModulus> a, in Residue<TModulus> b)
    {
        ulong l0 = Limb.Add(a._l0, b._l0, 0, out ulong carry);
        ulong l1 = Limb.Add(a._l1, b._l1, carry, out carry);
        ulong l2 = Limb.Add(a._l2, b._l2, carry, out carry);
        ulong l3 = Limb.Add(a._l3, b._l3, carry, out carry);
        return SubtractModulusOnce(l0, l1, l2, l3, carry);
    }

    /// <summary>a - b. Constant time.</summary>
    public static Residue<TModulus> operator -(in Residue<TModulus> a, in Residue<TModulus> b)
    {
        ulong l0 = Limb.Subtract(a._l0, b._l0, 0, out ulong borrow);
        ulong l1 = Limb.Subtract(a._l1, b._l1, borrow, out borrow);
        ulong l2 = Limb.Subtract(a._l2, b._l2, borrow, out borrow);
        ulong l3 = Limb.Subtract(a._l3, b._l3, borrow, out borrow);
        ulong mask = unchecked(0 - borrow);
        l0 = Limb.Add(l0, TModulus.N0 & mask, 0, out ulong carry);
        l1 = Limb.Add(l1, TModulus.N1 & mask, carry, out carry);
        l2 = Limb.Add(l2, TModulus.N2 & mask, carry, out carry);
        return new(l0, l1, l2, Limb.Add(l3, TModulus.N3 & mask, carry, out _));
    }

    /// <summary>-a. Constant time.</summary>
    public static Residue<TModulus> operator -(in Residue<TModulus> a) => default(Residue<TModulus>) - a;

    /// <summary>
    /// a b, by interleaved Montgomery reduction: each row adds a digit of a times b, then the multiple of n that clears the lowest digit.
    /// One factor may be any 256-bit number as long as the other is below n: the sum stays below 2n. Constant time.
    /// </summary>
    public static Residue<TModulus> operator *(in Residue<TModulus> a, in Residue<TModulus> b)
    {
        ulong t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0;
        AddRow(a._l0, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        AddRow(a._l1, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        AddRow(a._l2, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        AddRow(a._l3, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        return SubtractModulusOnce(t0, t1, t2, t3, t4);
    }

    /// <summary>The square. Constant time.</summary>
    internal Residue<TModulus> Squared() => this * this;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(
        ulong digit, in Residue<TModulus> b, ref ulong t0, ref ulong t1, ref ulong t2, ref ulong t3, ref ulong t4)
    {
        ulong carry = Limb.MultiplyAdd(ref t0, digit, b._l0, 0);
        carry = Limb.MultiplyAdd(ref t1, digit, b._l1, carry);
        carry = Limb.MultiplyAdd(ref t2, digit, b._l2, carry);
        carry = Limb.MultiplyAdd(ref t3, digit, b._l3, carry);
        t4 = Limb.Add(t4, carry, 0, out ulong t5);

        ulong multiple = unchecked(t0 * TModulus.NegatedInverse);
        carry = Limb.MultiplyAdd(ref t0, multiple, TModulus.N0, 0);
        carry = Limb.MultiplyAdd(ref t1, multiple, TModulus.N1, carry);
        carry = Limb.MultiplyAdd(ref t2, multiple, TModulus.N2, carry);
        carry = Limb.MultiplyAdd(ref t3, multiple, TModulus.N3, carry);
        (t0, t1, t2) = (t1, t2, t3);
        t3 = Limb.Add(t4, carry, 0, out ulong top);
        t4 = unchecked(t5 + top);
    }

    /// <summary>A number below 2n, fifth digit included, brought below n. Constant time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Residue<TModulus> SubtractModulusOnce(ulong l0, ulong l1, ulong l2, ulong l3, ulong l4)
    {
        ulong r0 = Limb.Subtract(l0, TModulus.N0, 0, out ulong borrow);
        ulong r1 = Limb.Subtract(l1, TModulus.N1, borrow, out borrow);
        ulong r2 = Limb.Subtract(l2, TModulus.N2, borrow, out borrow);
        ulong r3 = Limb.Subtract(l3, TModulus.N3, borrow, out borrow);
        Limb.Subtract(l4, 0, borrow, out borrow);
        return Select(unchecked(0 - borrow), new(l0, l1, l2, l3), new(r0, r1, r2, r3));
    }
}
