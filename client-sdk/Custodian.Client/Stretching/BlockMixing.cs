using System.Runtime.Intrinsics.X86;

namespace Custodian.Client;

/// <summary>Which instructions mix the blocks. All give the same result.</summary>
internal enum BlockMixing
{
    /// <summary>64-bit arithmetic, on any machine.</summary>
    Portable,

    /// <summary>256-bit vectors; needs AVX2.</summary>
    Vector256,

    /// <summary>512-bit vectors; needs AVX-512F.</summary>
    Vector512,
}

/// <summary>The compression function G of Argon2 (RFC 9106 section 3.5), by the instructions the machine has.</summary>
internal static unsafe class BlockMixer
{
    /// <summary>The fastest that this machine has.</summary>
    internal static BlockMixing Best =>
        IsSupported(BlockMixing.Vector512) ? BlockMixing.Vector512
        : IsSupported(BlockMixing.Vector256) ? BlockMixing.Vector256
        : BlockMixing.Portable;

    /// <summary>Whether this machine has the instructions.</summary>
    internal static bool IsSupported(BlockMixing mixing) => mixing switch
    {
        BlockMixing.Vector512 => Avx512F.IsSupported,
        BlockMixing.Vector256 => Avx2.IsSupported,
        _ => true,
    };

    /// <summary>
    /// The function <c>(previous, reference, target, scratch, accumulate)</c>, over blocks of 128 words:
    /// target = G(previous, reference), exclusive-or the former target when accumulating.
    /// </summary>
    internal static delegate*<ulong*, ulong*, ulong*, ulong*, bool, void> For(BlockMixing mixing) => mixing switch
    {
        BlockMixing.Vector512 => &BlockMixerVector512.Mix,
        BlockMixing.Vector256 => &BlockMixerVector256.Mix,
        _ => &BlockMixerPortable.Mix,
    };
}
