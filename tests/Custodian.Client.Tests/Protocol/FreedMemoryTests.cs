using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Custodian.Protocol.Tests;

/// <summary>What the platform's cryptography lets go of without clearing it: what a thread frees, it gets again when it asks for memory.</summary>
public sealed class FreedMemoryTests
{
    private static readonly byte[] Scalar = new RepeatableBytes("a private scalar").Next(P256.WordSize);

    /// <summary>What is compiled already asks for no memory between what is tested and the look.</summary>
    public FreedMemoryTests() => Assert.False(IsInFreedMemory(Scalar));

    [Fact]
    public void Sign_ByAKey_LeavesNothingOfItInWhatWasFreed()
    {
        using SigningKey key = SigningKey.Create(Scalar);
        Assert.False(IsInFreedMemory(Scalar), "after the key was made");

        key.Sign("a message"u8);

        Assert.False(IsInFreedMemory(Scalar), "after it signed");
    }

    [Fact]
    public void MultiplyX_ByASecretScalar_LeavesNothingOfItInWhatWasFreed()
    {
        byte[] x = new byte[P256.CompressedSize], product = new byte[P256.WordSize];
        P256.PublicKey(new RepeatableBytes("another scalar").Next(P256.WordSize), x);

        P256.MultiplyX(Scalar, x.AsSpan(1), product);

        Assert.False(IsInFreedMemory(Scalar));
    }

    [Fact]
    public void PublicKey_OfASecretScalar_LeavesNothingOfItInWhatWasFreed()
    {
        P256.PublicKey(Scalar, new byte[P256.CompressedSize]);

        Assert.False(IsInFreedMemory(Scalar));
    }

    [Fact]
    public unsafe void IsInFreedMemory_OfWhatWasFreedAsItIs_IsTrue()
    {
        byte* block = (byte*)NativeMemory.Alloc(256);
        Scalar.CopyTo(new Span<byte>(block + 64, Scalar.Length));
        NativeMemory.Free(block);

        Assert.True(IsInFreedMemory(Scalar));
        FreedMemory.Wipe();
        Assert.False(IsInFreedMemory(Scalar));
    }

    /// <summary>Asks for as many blocks of each size as the C library may keep for this thread, and looks into them: in either order of bytes.</summary>
    private static unsafe bool IsInFreedMemory(byte[] scalar)
    {
        ReadOnlySpan<byte> tail = scalar.AsSpan(P256.WordSize / 2);
        byte[] reversed = [.. scalar.Reverse()];
        ReadOnlySpan<byte> reversedTail = reversed.AsSpan(P256.WordSize / 2);
        bool isThere = false;
        void** held = stackalloc void*[FreedMemory.Kept];
        for (int size = FreedMemory.Smallest; size <= FreedMemory.Largest; size += FreedMemory.Step)
        {
            for (int i = 0; i < FreedMemory.Kept; i++)
            {
                held[i] = NativeMemory.Alloc((nuint)size);
                ReadOnlySpan<byte> block = new(held[i], size);
                isThere |= block.IndexOf(tail) >= 0 || block.IndexOf(reversedTail) >= 0;
            }

            for (int i = 0; i < FreedMemory.Kept; i++)
            {
                NativeMemory.Free(held[i]);
            }
        }

        return isThere;
    }
}
