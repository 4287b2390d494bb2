using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Custodian.Client;

/// <summary>
/// G of Argon2 with AVX2: two rows, then two columns, at a time, in eight registers. No branch and no memory index depends on the
/// blocks. Compiled once and fully: the first run of a process is the one that a person waits for.
/// </summary>
internal static unsafe class BlockMixerVector256
{
    private const int RowWords = 16;
    private const byte SwapPairs = 0b0101;

    private static Vector256<byte> RotateBy24 => Vector256.Create(
        (byte)3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);

    private static Vector256<byte> RotateBy16 => Vector256.Create(
        (byte)2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);

    /// <summary>target = G(previous, reference), exclusive-or the former target when <paramref name="accumulate"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Mix(ulong* previous, ulong* reference, ulong* target, ulong* scratch, bool accumulate)
    {
        for (int row = 0; row < Argon2Memory.BlockWords; row += 2 * RowWords)
        {
            MixRows(previous + row, reference + row, scratch + row);
        }

        for (int column = 0; column < RowWords; column += 4)
        {
            MixColumns(scratch + column);
        }

        for (int i = 0; i < Argon2Memory.BlockWords; i += 4)
        {
            Vector256<ulong> mixed = Vector256.Load(scratch + i) ^ Vector256.Load(previous + i) ^ Vector256.Load(reference + i);
            if (accumulate)
            {
                mixed ^= Vector256.Load(target + i);
            }

            mixed.Store(target + i);
        }
    }

    /// <summary>P over two adjacent rows: registers a0 b0 c0 d0 are the four quarters of the first, a1 b1 c1 d1 of the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MixRows(ulong* previous, ulong* reference, ulong* rows)
    {
        Vector256<ulong> a0 = Vector256.Load(previous) ^ Vector256.Load(reference);
        Vector256<ulong> b0 = Vector256.Load(previous + 4) ^ Vector256.Load(reference + 4);
        Vector256<ulong> c0 = Vector256.Load(previous + 8) ^ Vector256.Load(reference + 8);
        Vector256<ulong> d0 = Vector256.Load(previous + 12) ^ Vector256.Load(reference + 12);
        Vector256<ulong> a1 = Vector256.Load(previous + 16) ^ Vector256.Load(reference + 16);
        Vector256<ulong> b1 = Vector256.Load(previous + 20) ^ Vector256.Load(reference + 20);
        Vector256<ulong> c1 = Vector256.Load(previous + 24) ^ Vector256.Load(reference + 24);
        Vector256<ulong> d1 = Vector256.Load(previous + 28) ^ Vector256.Load(reference + 28);

        Quarters(ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1);
        b0 = Avx2.Permute4x64(b0, 0b00_11_10_01);
        c0 = Avx2.Permute4x64(c0, 0b01_00_11_10);
        d0 = Avx2.Permute4x64(d0, 0b10_01_00_11);
        b1 = Avx2.Permute4x64(b1, 0b00_11_10_01);
        c1 = Avx2.Permute4x64(c1, 0b01_00_11_10);
        d1 = Avx2.Permute4x64(d1, 0b10_01_00_11);
        Quarters(ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1);

        a0.Store(rows);
        Avx2.Permute4x64(b0, 0b10_01_00_11).Store(rows + 4);
        Avx2.Permute4x64(c0, 0b01_00_11_10).Store(rows + 8);
        Avx2.Permute4x64(d0, 0b00_11_10_01).Store(rows + 12);
        a1.Store(rows + 16);
        Avx2.Permute4x64(b1, 0b10_01_00_11).Store(rows + 20);
        Avx2.Permute4x64(c1, 0b01_00_11_10).Store(rows + 24);
        Avx2.Permute4x64(d1, 0b00_11_10_01).Store(rows + 28);
    }

    /// <summary>P over two adjacent columns of word pairs: each register holds one row's pair of either column; a0 and a1 are words 0..3, and so on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MixColumns(ulong* columns)
    {
        Vector256<ulong> a0 = Vector256.Load(columns);
        Vector256<ulong> a1 = Vector256.Load(columns + RowWords);
        Vector256<ulong> b0 = Vector256.Load(columns + 2 * RowWords);
        Vector256<ulong> b1 = Vector256.Load(columns + 3 * RowWords);
        Vector256<ulong> c0 = Vector256.Load(columns + 4 * RowWords);
        Vector256<ulong> c1 = Vector256.Load(columns + 5 * RowWords);
        Vector256<ulong> d0 = Vector256.Load(columns + 6 * RowWords);
        Vector256<ulong> d1 = Vector256.Load(columns + 7 * RowWords);

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

    /// <summary>In each half: the upper word of <paramref name="first"/>, then the lower word of <paramref name="second"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Join(Vector256<ulong> first, Vector256<ulong> second) =>
        Avx.Shuffle(first.AsDouble(), second.AsDouble(), SwapPairs).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarters(
        ref Vector256<ulong> a0, ref Vector256<ulong> b0, ref Vector256<ulong> c0, ref Vector256<ulong> d0,
        ref Vector256<ulong> a1, ref Vector256<ulong> b1, ref Vector256<ulong> c1, ref Vector256<ulong> d1)
    {
        a0 = MultiplyAdd(a0, b0);
        a1 = MultiplyAdd(a1, b1);
        d0 = RotateRight32(d0 ^ a0);
        d1 = RotateRight32(d1 ^ a1);
        c0 = MultiplyAdd(c0, d0);
        c1 = MultiplyAdd(c1, d1);
        b0 = RotateRight24(b0 ^ c0);
        b1 = RotateRight24(b1 ^ c1);
        a0 = MultiplyAdd(a0, b0);
        a1 = MultiplyAdd(a1, b1);
        d0 = RotateRight16(d0 ^ a0);
        d1 = RotateRight16(d1 ^ a1);
        c0 = MultiplyAdd(c0, d0);
        c1 = MultiplyAdd(c1, d1);
        b0 = RotateRight63(b0 ^ c0);
        b1 = RotateRight63(b1 ^ c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> MultiplyAdd(Vector256<ulong> x, Vector256<ulong> y)
    {
        Vector256<ulong> product = Avx2.Multiply(x.AsUInt32(), y.AsUInt32());
        return x + y + (product + product);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateRight32(Vector256<ulong> x) => Avx2.Shuffle(x.AsUInt32(), 0b10_11_00_01).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateRight24(Vector256<ulong> x) => Avx2.Shuffle(x.AsByte(), RotateBy24).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateRight16(Vector256<ulong> x) => Avx2.Shuffle(x.AsByte(), RotateBy16).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateRight63(Vector256<ulong> x) => (x + x) | (x >>> 63);
}
