namespace Custodian.Protocol;

/// <summary>
/// The field of P-256: arithmetic modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, and the curve y^2 = x^3 - 3x + b over it
/// (SP 800-186 section 3.2.1.3). Constant time: nothing here branches on or indexes by a value; the one exponent is fixed and public.
/// </summary>
internal readonly struct P256Field : IModulus
{
    /// <summary>b of the curve equation.</summary>
    internal static readonly Residue<P256Field> B =
        Residue<P256Field>.FromMontgomery(0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834);

    // (p - 3) / 4, from which both the inverse and the square root follow.
    private static ReadOnlySpan<byte> QuarterExponent =>
    [
        0x3f, 0xff, 0xff, 0xff, 0xc0, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];

    /// <inheritdoc/>
    public static ulong N0 => 0xffffffffffffffff;

    /// <inheritdoc/>
    public static ulong N1 => 0x00000000ffffffff;

    /// <inheritdoc/>
    public static ulong N2 => 0;

    /// <inheritdoc/>
    public static ulong N3 => 0xffffffff00000001;

    /// <inheritdoc/>
    public static ulong NegatedInverse => 1;

    /// <inheritdoc/>
    public static (ulong L0, ulong L1, ulong L2, ulong L3) RadixSquared =>
        (0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd);

    /// <summary>v^((p-3)/4). Constant time.</summary>
    internal static Residue<P256Field> PowerQuarter(in Residue<P256Field> v) => v.Power(QuarterExponent);

    /// <summary>1/v by Fermat, v^(p-2) = (v^((p-3)/4))^4 v; 0 for 0. Constant time.</summary>
    internal static Residue<P256Field> Invert(in Residue<P256Field> v) => PowerQuarter(v).Squared().Squared() * v;

    /// <summary>v^((p+1)/4): a square root of v when v has one, and of -v otherwise, since p is 3 modulo 4. Constant time.</summary>
    internal static Residue<P256Field> SquareRootCandidate(in Residue<P256Field> v) => PowerQuarter(v) * v;

    /// <summary>x^3 - 3x + b, the right side of the curve equation. Constant time.</summary>
    internal static Residue<P256Field> CurveRightSide(in Residue<P256Field> x) => (x.Squared() * x) - (x + x + x) + B;
}
