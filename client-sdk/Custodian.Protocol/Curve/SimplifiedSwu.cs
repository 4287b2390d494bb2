namespace Custodian.Protocol;

/// <summary>
/// The simplified Shallue-van de Woestijne-Ulas map to P-256, RFC 9380 section 6.6.2, in the straight-line form of its appendix F.2, with
/// A = -3 and Z = -10 (section 8.2). Constant time: every exceptional case is a masked choice.
/// </summary>
internal static class SimplifiedSwu
{
    // -10 and a square root of 10, in Montgomery form.
    private static readonly Residue<P256Field> Z =
        Residue<P256Field>.FromMontgomery(0xfffffffffffffff5, 0x0000000affffffff, 0x0000000000000000, 0xfffffff50000000b);

    private static readonly Residue<P256Field> RootOfMinusZ =
        Residue<P256Field>.FromMontgomery(0xa1fd38ee98a195fd, 0x78400ad7423dcf70, 0x6913c88f9ea8dfee, 0x9051d26e12a8f304);

    /// <summary>The point of a field element, which is never the point at infinity. Constant time.</summary>
    internal static ProjectivePoint Map(in Residue<P256Field> u)
    {
        Residue<P256Field> zu2 = Z * u.Squared();
        Residue<P256Field> sum = zu2.Squared() + zu2;
        Residue<P256Field> numerator = P256Field.B * (sum + Residue<P256Field>.One);
        Residue<P256Field> denominator = TimesMinusThree(Residue<P256Field>.Select(sum.IsZero(), Z, -sum));

        // g(x1) as a fraction, over the cube of x1's denominator.
        Residue<P256Field> denominator2 = denominator.Squared();
        Residue<P256Field> denominator3 = denominator2 * denominator;
        Residue<P256Field> right = ((numerator.Squared() + TimesMinusThree(denominator2)) * numerator) + (P256Field.B * denominator3);

        Residue<P256Field> root = SquareRootOfRatio(right, denominator3, out ulong isSquare);
        Residue<P256Field> x = Residue<P256Field>.Select(isSquare, numerator, zu2 * numerator);
        Residue<P256Field> y = Residue<P256Field>.Select(isSquare, root, zu2 * u * root);
        y = Residue<P256Field>.Select(u.IsOdd() ^ y.IsOdd(), -y, y);
        return new(x, y * denominator, denominator);
    }

    /// <summary>
    /// A square root of u/v when it has one, and of Z u/v otherwise: sqrt_ratio for p = 3 mod 4, RFC 9380 appendix F.2.1.2. Constant time.
    /// </summary>
    private static Residue<P256Field> SquareRootOfRatio(in Residue<P256Field> u, in Residue<P256Field> v, out ulong isSquare)
    {
        Residue<P256Field> uv = u * v;
        Residue<P256Field> root = P256Field.PowerQuarter(v.Squared() * uv) * uv;
        isSquare = (root.Squared() * v).IsSame(u);
        return Residue<P256Field>.Select(isSquare, root, root * RootOfMinusZ);
    }

    private static Residue<P256Field> TimesMinusThree(in Residue<P256Field> v) => -(v + v + v);
}
