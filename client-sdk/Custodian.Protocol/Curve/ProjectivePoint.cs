namespace Custodian.Protocol;

/// <summary>
/// A point of P-256 in homogeneous coordinates: x = X/Z, y = Y/Z, and Z = 0 for the point at infinity. Constant time.
/// </summary>
internal readonly struct ProjectivePoint(in Residue<P256Field> x, in Residue<P256Field> y, in Residue<P256Field> z)
{
    /// <summary>X.</summary>
    internal readonly Residue<P256Field> X = x;

    /// <summary>Y.</summary>
    internal readonly Residue<P256Field> Y = y;

    /// <summary>Z.</summary>
    internal readonly Residue<P256Field> Z = z;

    /// <summary>
    /// P + Q for any two points, equal, opposite and infinite ones included, with the same operations: algorithm 4 of Renes, Costello and
    /// Batina, "Complete addition formulas for prime order elliptic curves" (2015), for a = -3. Constant time.
    /// </summary>
    public static ProjectivePoint operator +(in ProjectivePoint p, in ProjectivePoint q)
    {
        Residue<P256Field> xx = p.X * q.X;
        Residue<P256Field> yy = p.Y * q.Y;
        Residue<P256Field> zz = p.Z * q.Z;
        Residue<P256Field> xy = ((p.X + p.Y) * (q.X + q.Y)) - (xx + yy);
        Residue<P256Field> yz = ((p.Y + p.Z) * (q.Y + q.Z)) - (yy + zz);
        Residue<P256Field> xz = ((p.X + p.Z) * (q.X + q.Z)) - (xx + zz);

        Residue<P256Field> xzPart = Triple(xz - (P256Field.B * zz));
        Residue<P256Field> zz3 = Triple(zz);
        Residue<P256Field> bPart = Triple((P256Field.B * xz) - zz3 - xx);
        Residue<P256Field> xx3 = Triple(xx) - zz3;
        Residue<P256Field> sum = yy + xzPart;
        Residue<P256Field> difference = yy - xzPart;

        return new(
            (xy * sum) - (yz * bPart),
            (sum * difference) + (xx3 * bPart),
            (yz * difference) + (xy * xx3));
    }

    /// <summary>
    /// Writes the point uncompressed: 4, x, y, 65 bytes. The point at infinity, which no input reaches but with a chance of 2^-256, is
    /// written with x = y = 0, and every consumer refuses that as off the curve. Constant time.
    /// </summary>
    internal void WriteUncompressed(Span<byte> point65)
    {
        Residue<P256Field> inverse = P256Field.Invert(Z);
        point65[0] = 4;
        (X * inverse).Write(point65[1..33]);
        (Y * inverse).Write(point65[33..65]);
    }

    private static Residue<P256Field> Triple(in Residue<P256Field> v) => v + v + v;
}
