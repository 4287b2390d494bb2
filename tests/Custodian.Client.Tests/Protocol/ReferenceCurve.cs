using System.Numerics;
using System.Security.Cryptography;

namespace Custodian.Protocol.Tests;

/// <summary>
/// P-256 and RFC 9380 once more, the plain way: big integers, affine coordinates, the formulas of the RFC's section 6.6.2 with every case
/// spelled out. Shares nothing with what it checks.
/// </summary>
internal static class ReferenceCurve
{
    internal static readonly BigInteger P = Hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    internal static readonly BigInteger Q = Hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    internal static readonly BigInteger B = Hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");

    internal static readonly ReferencePoint Generator = new(
        Hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        Hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"));

    private static readonly BigInteger A = P - 3;
    private static readonly BigInteger Z = P - 10;

    internal static BigInteger Mod(BigInteger value, BigInteger n)
    {
        BigInteger rest = value % n;
        return rest.Sign < 0 ? rest + n : rest;
    }

    internal static BigInteger Invert(BigInteger value, BigInteger n) => BigInteger.ModPow(value, n - 2, n);

    internal static byte[] Bytes(BigInteger value)
    {
        byte[] bytes = new byte[32];
        byte[] digits = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        digits.CopyTo(bytes, bytes.Length - digits.Length);
        return bytes;
    }

    internal static BigInteger Number(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

    internal static BigInteger RightSide(BigInteger x) => Mod((x * x * x) + (A * x) + B, P);

    internal static bool IsSquare(BigInteger value) => value.IsZero || BigInteger.ModPow(value, (P - 1) / 2, P).IsOne;

    internal static BigInteger SquareRoot(BigInteger value) => BigInteger.ModPow(value, (P + 1) / 4, P);

    /// <summary>P + Q; null is the point at infinity.</summary>
    internal static ReferencePoint? Add(ReferencePoint? p, ReferencePoint? q)
    {
        if (p is null || q is null)
        {
            return p ?? q;
        }

        if (p.X == q.X && Mod(p.Y + q.Y, P).IsZero)
        {
            return null;
        }

        BigInteger slope = p == q
            ? ((3 * p.X * p.X) + A) * Invert(2 * p.Y, P)
            : (q.Y - p.Y) * Invert(Mod(q.X - p.X, P), P);
        BigInteger x = Mod((slope * slope) - p.X - q.X, P);
        return new(x, Mod((slope * (p.X - x)) - p.Y, P));
    }

    internal static ReferencePoint? Multiply(BigInteger scalar, ReferencePoint point)
    {
        ReferencePoint? sum = null;
        for (int bit = 255; bit >= 0; bit--)
        {
            sum = Add(sum, sum);
            sum = (scalar >> bit).IsEven ? sum : Add(sum, point);
        }

        return sum;
    }

    internal static ReferencePoint HashToCurve(byte[] message, byte[] dst)
    {
        byte[] uniform = ExpandMessage(message, dst, 96);
        return Add(Map(Number(uniform.AsSpan(0, 48)) % P), Map(Number(uniform.AsSpan(48)) % P))!;
    }

    /// <summary>map_to_curve_simple_swu, as the steps of RFC 9380 section 6.6.2 are written.</summary>
    internal static ReferencePoint Map(BigInteger u)
    {
        BigInteger zu2 = Mod(Z * u * u, P);
        BigInteger tv1 = Invert(Mod((zu2 * zu2) + zu2, P), P);
        BigInteger x1 = tv1.IsZero
            ? Mod(B * Invert(Mod(Z * A, P), P), P)
            : Mod(-B * Invert(A, P) * (1 + tv1), P);
        BigInteger x = IsSquare(RightSide(x1)) ? x1 : Mod(zu2 * x1, P);
        BigInteger y = SquareRoot(RightSide(x));
        return new(x, u.IsEven == y.IsEven ? y : P - y);
    }

    private static byte[] ExpandMessage(byte[] message, byte[] dst, int length)
    {
        byte[] dstPrime = [.. dst, (byte)dst.Length];
        byte[] b0 = SHA256.HashData([.. new byte[64], .. message, (byte)(length >> 8), (byte)length, 0, .. dstPrime]);
        byte[] b = SHA256.HashData([.. b0, 1, .. dstPrime]);
        List<byte> uniform = [.. b];
        for (byte i = 2; uniform.Count < length; i++)
        {
            byte[] mixed = [.. b0.Zip(b, (x, y) => (byte)(x ^ y))];
            b = SHA256.HashData([.. mixed, i, .. dstPrime]);
            uniform.AddRange(b);
        }

        return [.. uniform.Take(length)];
    }

    private static BigInteger Hex(string digits) => Number(Convert.FromHexString(digits));
}

/// <summary>An affine point.</summary>
internal sealed record ReferencePoint(BigInteger X, BigInteger Y)
{
    internal byte[] Uncompressed() => [4, .. ReferenceCurve.Bytes(X), .. ReferenceCurve.Bytes(Y)];

    internal byte[] Compressed() => [(byte)(Y.IsEven ? 2 : 3), .. ReferenceCurve.Bytes(X)];
}
