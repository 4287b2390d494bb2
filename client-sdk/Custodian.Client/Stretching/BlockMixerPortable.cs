using System.Numerics;
using System.Runtime.CompilerServices;

namespace Custodian.Client;

/// <summary>G of Argon2 in 64-bit arithmetic. No branch and no memory index depends on the blocks.</summary>
internal static unsafe class BlockMixerPortable
{
    private const int RowWords = 16;
    private const int Rows = 8;

    /// <summary>target = G(previous, reference), exclusive-or the former target when <paramref name="accumulate"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Mix(ulong* previous, ulong* reference, ulong* target, ulong* scratch, bool accumulate)
    {
        for (int i = 0; i < Argon2Memory.BlockWords; i++)
        {
            scratch[i] = previous[i] ^ reference[i];
        }

        for (int i = 0; i < Rows; i++)
        {
            Permute(scratch + i * RowWords, 2);
        }

        for (int i = 0; i < Rows; i++)
        {
            Permute(scratch + i * 2, RowWords);
        }

        for (int i = 0; i < Argon2Memory.BlockWords; i++)
        {
            ulong mixed = scratch[i] ^ previous[i] ^ reference[i];
            target[i] = accumulate ? mixed ^ target[i] : mixed;
        }
    }

    /// <summary>The permutation P over sixteen words, which lie in pairs <paramref name="stride"/> words apart.</summary>
    private static void Permute(ulong* words, int stride)
    {
        ulong* v2 = words + stride;
        ulong* v4 = v2 + stride;
        ulong* v6 = v4 + stride;
        ulong* v8 = v6 + stride;
        ulong* v10 = v8 + stride;
        ulong* v12 = v10 + stride;
        ulong* v14 = v12 + stride;

        Quarter(words, v4, v8, v12);
        Quarter(words + 1, v4 + 1, v8 + 1, v12 + 1);
        Quarter(v2, v6, v10, v14);
        Quarter(v2 + 1, v6 + 1, v10 + 1, v14 + 1);
        Quarter(words, v4 + 1, v10, v14 + 1);
        Quarter(words + 1, v6, v10 + 1, v12);
        Quarter(v2, v6 + 1, v8, v12 + 1);
        Quarter(v2 + 1, v4, v8 + 1, v14);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarter(ulong* pa, ulong* pb, ulong* pc, ulong* pd)
    {
        ulong a = *pa, b = *pb, c = *pc, d = *pd;
        a = MultiplyAdd(a, b);
        d = BitOperations.RotateRight(d ^ a, 32);
        c = MultiplyAdd(c, d);
        b = BitOperations.RotateRight(b ^ c, 24);
        a = MultiplyAdd(a, b);
        d = BitOperations.RotateRight(d ^ a, 16);
        c = MultiplyAdd(c, d);
        b = BitOperations.RotateRight(b ^ c, 63);
        *pa = a;
        *pb = b;
        *pc = c;
        *pd = d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MultiplyAdd(ulong x, ulong y) => unchecked(x + y + 2UL * (uint)x * (uint)y);
}
