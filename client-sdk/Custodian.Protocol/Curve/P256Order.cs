namespace Custodian.Protocol;

/// <summary>
/// Scalars of P-256: arithmetic modulo q, the prime order of the group (SP 800-186 section 3.2.1.3). Constant time: nothing here
/// branches on or indexes by a value; the one exponent is fixed and public.
/// </summary>
internal readonly struct P256Order : IModulus
{
    // q - 2.
    private static ReadOnlySpan<byte> InverseExponent =>
    [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
    ];

    /// <inheritdoc/>
    public static ulong N0 => 0xf3b9cac2fc632551;

    /// <inheritdoc/>
    public static ulong N1 => 0xbce6faada7179e84;

    /// <inheritdoc/>
    public static ulong N2 => 0xffffffffffffffff;

    /// <inheritdoc/>
    public static ulong N3 => 0xffffffff00000000;

    /// <inheritdoc/>
    public static ulong NegatedInverse => 0xccd1c8aaee00bc4f;

    /// <inheritdoc/>
    public static (ulong L0, ulong L1, ulong L2, ulong L3) RadixSquared =>
        (0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59, 0x66e12d94f3d95620);

    /// <summary>1/v by Fermat, v^(q-2); 0 for 0. Constant time.</summary>
    internal static Residue<P256Order> Invert(in Residue<P256Order> v) => v.Power(InverseExponent);
}
