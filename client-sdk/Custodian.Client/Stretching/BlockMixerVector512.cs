using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Custodian.Client;

/// <summary>
/// G of Argon2 with AVX-512F: four rows, then four columns, at a time, in eight registers. No branch and no memory index depends on the
/// blocks. Compiled once and fully: the first run of a process is the one that a person waits for.
/// </summary>
internal static unsafe class BlockMixerVector512
{
    private const int RowWords = 16;
    private const byte SwapPairs = 0b0101_0101;
    private const byte LowerHalves = 0b01_00_01_00;
    private const byte UpperHalves = 0b11_10_11_10;

    /// <summary>target = G(previous, reference), exclusive-or the former target when <paramref name="accumulate"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Mix(ulong* previous, ulong* reference, ulong* target, ulong* scratch, bool accumulate)
    {
        for (int row = 0; row < Argon2Memory.BlockWords; row += 4 * RowWords)
        {
            MixRows(previous + row, reference + row, scratch + row);
        }

        for (int column = 0; column < RowWords; column += 8)
        {
            MixColumns(scratch + column);
        }

        for (int i = 0; i < Argon2Memory.BlockWords; i += 8)
        {
            Vector512<ulong> mixed = Vector512.Load(scratch + i) ^ Vector512.Load(previous + i) ^ Vector512.Load(reference + i);
            if (accumulate)
            {
                mixed ^= Vector512.Load(target + i);
            }

            mixed.Store(target + i);
        }
    }

    /// <summary>P over four adjacent rows: a register holds the same quarter of two of them, a0 b0 c0 d0 of the first two, a1 b1 c1 d1 of the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MixRows(ulong* previous, ulong* reference, ulong* rows)
    {
        Load(previous, reference, out Vector512<ulong> a0, out Vector512<ulong> b0, out Vector512<ulong> c0, out Vector512<ulong> d0);
        Load(previous + 32, reference + 32, out Vector512<ulong> a1, out Vector512<ulong> b1, out Vector512<ulong> c1, out Vector512<ulong> d1);

        Quarters(ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1);
        b0 = Avx512F.Permute4x64(b0, 0b00_11_10_01);
        c0 = Avx512F.Permute4x64(c0, 0b01_00_11_10);
        d0 = Avx512F.Permute4x64(d0, 0b10_01_00_11);
        b1 = Avx512F.Permute4x64(b1, 0b00_11_10_01);
        c1 = Avx512F.Permute4x64(c1, 0b01_00_11_10);
        d1 = Avx512F.Permute4x64(d1, 0b10_01_00_11);
        Quarters(ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1);

        Store(rows, a0, b0, c0, d0);
        Store(rows + 32, a1, b1, c1, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(
        ulong* previous, ulong* reference,
        out Vector512<ulong> a, out Vector512<ulong> b, out Vector512<ulong> c, out Vector512<ulong> d)
    {
        Vector512<ulong> firstLower = Vector512.Load(previous) ^ Vector512.Load(reference);
        Vector512<ulong> firstUpper = Vector512.Load(previous + 8) ^ Vector512.Load(reference + 8);
        Vector512<ulong> secondLower = Vector512.Load(previous + 16) ^ Vector512.Load(reference + 16);
        Vector512<ulong> secondUpper = Vector512.Load(previous + 24) ^ Vector512.Load(reference + 24);
        a = Avx512F.Shuffle4x128(firstLower, secondLower, LowerHalves);
        b = Avx512F.Shuffle4x128(firstLower, secondLower, UpperHalves);
        c = Avx512F.Shuffle4x128(firstUpper, secondUpper, LowerHalves);
        d = Avx512F.Shuffle4x128(firstUpper, secondUpper, UpperHalves);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ulong* rows, Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c, Vector512<ulong> d)
    {
        b = Avx512F.Permute4x64(b, 0b10_01_00_11);
        c = Avx512F.Permute4x64(c, 0b01_00_11_10);
        d = Avx512F.Permute4x64(d, 0b00_11_10_01);
        Avx512F.Shuffle4x128(a, b, LowerHalves).Store(rows);
        Avx512F.Shuffle4x128(c, d, LowerHalves).Store(rows + 8);
        Avx512F.Shuffle4x128(a, b, UpperHalves).Store(rows + 16);
        Avx512F.Shuffle4x128(c, d, UpperHalves).Store(rows + 24);
    }

    /// <summary>P over four adjacent columns of word pairs: each register holds one row's pairs; a0 and a1 are words 0..3, and so on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MixColumns(ulong* columns)
    {
        Vector512<ulong> a0 = Vector512.Load(columns);
        Vector512<ulong> a1 = Vector512.Load(columns + RowWords);
        Vector512<ulong> b0 = Vector512.Load(columns + 2 * RowWords);
        Vector512<ulong> b1 = Vector512.Load(columns + 3 * RowWords);
        Vector512<ulong> c0 = Vector512.Load(columns + 4 * RowWords);
        Vector512<ulong> c1 = Vector512.Load(columns + 5 * RowWords);
        Vector512<ulong> d0 = Vector512.Load(columns + 6 * RowWords);
        Vector512<ulong> d1 = Vector512.Load(columns + 7 * RowWords);

        Quarters(ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1);
        (b0, b1) = (Join(b0, b1), Join(b1, b0));
        (d0, d1) = (Join(d1, d0), Join(d0, d1));
        Quarters(ref a0, ref b0, ref c1, ref d0, ref a1, ref b1, ref c0, ref d1);

        a0.Store(columns);
        a1.Store(columns + RowWords);
        Join(b1, b0).Store(columns + 2 * RowWords);
        Join(b0, b1).Store(columns + 3 * RowWords);
        c0.Store(columns + 4 * RowWords);
        c1.Store(columns + 5 * RowWords);
        Join(d0, d1).Store(columns + 6 * RowWords);
        Join(d1, d0).Store(columns + 7 * RowWords);
    }

    /// <summary>In each quarter: the upper word of <paramref name="first"/>, then the lower word of <paramref name="second"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Join(Vector512<ulong> first, Vector512<ulong> second) =>
        Avx512F.Shuffle(first.AsDouble(), second.AsDouble(), SwapPairs).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarters(
        ref Vector512<ulong> a0, ref Vector512<ulong> b0, ref Vector512<ulong> c0, ref Vector512<ulong> d0,
        ref Vector512<ulong> a1, ref Vector512<ulong> b1, ref Vector512<ulong> c1, ref Vector512<ulong> d1)
    {
        a0 = MultiplyAdd(a0, b0);
        a1 = MultiplyAdd(a1, b1);
        d0 = Avx512F.RotateRight(d0 ^ a0, 32);
        d1 = Avx512F.RotateRight(d1 ^ a1, 32);
        c0 = MultiplyAdd(c0, d0);
        c1 = MultiplyAdd(c1, d1);
        b0 = Avx512F.RotateRight(b0 ^ c0, 24);
        b1 = Avx512F.RotateRight(b1 ^ c1, 24);
        a0 = MultiplyAdd(a0, b0);
        a1 = MultiplyAdd(a1, b1);
        d0 = Avx512F.RotateRight(d0 ^ a0, 16);
        d1 = Avx512F.RotateRight(d1 ^ a1, 16);
        c0 = MultiplyAdd(c0, d0);
        c1 = MultiplyAdd(c1, d1);
        b0 = Avx512F.RotateRight(b0 ^ c0, 63);
        b1 = Avx512F.RotateRight(b1 ^ c1, 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> MultiplyAdd(Vector512<ulong> x, Vector512<ulong> y)
    {
        Vector512<ulong> product = Avx512F.Multiply(x.AsUInt32(), y.AsUInt32());
        return x + y + (product + product);
    }
}
