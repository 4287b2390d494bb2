using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Custodian.Pkcs11.Tests;

/// <summary>P-256 for checking the HSM's answers: the framework's ECDH, and the square root that a compressed point needs.</summary>
internal static class P256
{
    private static readonly BigInteger P = Hex("0FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF");
    private static readonly BigInteger B = Hex("05AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B");

    public static byte[] Generator { get; } = Convert.FromHexString(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
        + "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");

    public static ECDiffieHellman NewKey() => ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);

    public static byte[] Point(ECDiffieHellman key)
    {
        var q = key.ExportParameters(includePrivateParameters: false).Q;
        return [0x04, .. q.X!, .. q.Y!];
    }

    public static byte[] NewPoint()
    {
        using var key = NewKey();
        return Point(key);
    }

    /// <summary>x(key * point of that x): which of the two points makes no difference.</summary>
    public static byte[] MultiplyX(ECDiffieHellman key, byte[] x)
    {
        var point = new ECPoint { X = x, Y = SquareRoot(x) };
        using var peer = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point });
        return key.DeriveRawSecretAgreement(peer.PublicKey);
    }

    private static byte[] SquareRoot(byte[] coordinate)
    {
        var x = new BigInteger(coordinate, isUnsigned: true, isBigEndian: true);
        var right = (BigInteger.ModPow(x, 3, P) + ((P - 3) * x) + B) % P;
        var root = BigInteger.ModPow(right, (P + 1) / 4, P);
        Assert.Equal(right, root * root % P);
        var bytes = root.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[32 - bytes.Length], .. bytes];
    }

    private static BigInteger Hex(string digits) => BigInteger.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
