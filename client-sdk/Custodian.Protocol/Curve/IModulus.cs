namespace Custodian.Protocol;

/// <summary>
/// An odd prime modulus n with 2^255 &lt; n &lt; 2^256, as four 64-bit limbs, least significant first, and what Montgomery multiplication with
/// R = 2^256 needs of it. Two stand behind it, <see cref="P256Field"/> and <see cref="P256Order"/>, as type arguments of
/// <see cref="Residue{TModulus}"/>, so that the compiler folds the limbs into the code.
/// </summary>
internal interface IModulus
{
    /// <summary>Limb 0 of n.</summary>
    static abstract ulong N0 { get; }

    /// <summary>Limb 1 of n.</summary>
    static abstract ulong N1 { get; }

    /// <summary>Limb 2 of n.</summary>
    static abstract ulong N2 { get; }

    /// <summary>Limb 3 of n.</summary>
    static abstract ulong N3 { get; }

    /// <summary>-1/n modulo 2^64.</summary>
    static abstract ulong NegatedInverse { get; }

    /// <summary>R^2 mod n, limb 0 first.</summary>
    static abstract (ulong L0, ulong L1, ulong L2, ulong L3) RadixSquared { get; }
}
