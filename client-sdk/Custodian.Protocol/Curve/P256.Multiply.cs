using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <content>
/// Multiplication by a secret scalar. The platform does it (OpenSSL, CNG, Security.framework), in its own constant time; what passes
/// through here on the way lies in pinned arrays that are zeroed.
/// </content>
internal static partial class P256
{
    /// <summary>x(scalar * lift_x(x)). Constant time in the scalar.</summary>
    /// <exception cref="ArgumentException">
    /// The scalar is not in 1..q-1, <paramref name="x32"/> is not one that <see cref="TryLiftX"/> accepts, or the destination is not 32 bytes.
    /// </exception>
    internal static void MultiplyX(ReadOnlySpan<byte> scalar32, ReadOnlySpan<byte> x32, Span<byte> resultX32)
    {
        Span<byte> point = stackalloc byte[PointSize];
        if (!TryLiftX(x32, point))
        {
            throw new ArgumentException("not the x-coordinate of a point", nameof(x32));
        }

        MultiplyPointX(scalar32, point, resultX32);
        CryptographicOperations.ZeroMemory(point);
    }

    /// <summary>x(scalar * point) for an uncompressed point, which may be secret too. Constant time in both.</summary>
    /// <exception cref="ArgumentException">The scalar is not in 1..q-1, or a length is wrong.</exception>
    /// <exception cref="CryptographicException">The point is not on the curve.</exception>
    internal static void MultiplyPointX(ReadOnlySpan<byte> scalar32, ReadOnlySpan<byte> point65, Span<byte> resultX32)
    {
        ThrowUnlessScalar(scalar32);
        ThrowUnlessUncompressed(point65);
        ArgumentOutOfRangeException.ThrowIfNotEqual(resultX32.Length, WordSize, nameof(resultX32));
        byte[] d = Pinned.Copy(scalar32);
        byte[] x = Pinned.Copy(point65.Slice(1, WordSize));
        byte[] y = Pinned.Copy(point65[(1 + WordSize)..]);
        try
        {
            using ECDiffieHellman own = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d });
            using ECDiffieHellman other = ECDiffieHellman.Create(
                new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } });
            DeriveInto(own, other, resultX32);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(d);
            CryptographicOperations.ZeroMemory(x);
            CryptographicOperations.ZeroMemory(y);
            FreedMemory.Wipe();
        }
    }

    /// <summary>The public key of a private scalar, SEC1 compressed. Constant time.</summary>
    /// <exception cref="ArgumentException">The scalar is not in 1..q-1, or the destination not 33 bytes.</exception>
    internal static void PublicKey(ReadOnlySpan<byte> scalar32, Span<byte> sec1)
    {
        if (sec1.Length != CompressedSize)
        {
            throw new ArgumentException("a compressed point is 33 bytes", nameof(sec1));
        }

        using SigningKey key = SigningKey.Create(scalar32);
        key.PublicKey.CopyTo(sec1);
    }

    /// <summary>
    /// A private scalar as a key of the platform, which computes the public key; the caller disposes it, and has what the platform leaves of it
    /// overwritten (<see cref="FreedMemory"/>).
    /// </summary>
    /// <exception cref="ArgumentException">The scalar is not in 1..q-1.</exception>
    internal static ECDsa ImportPrivate(ReadOnlySpan<byte> scalar32)
    {
        ThrowUnlessScalar(scalar32);
        byte[] d = Pinned.Copy(scalar32);
        try
        {
            return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(d);
        }
    }

    /// <summary>A public point as a key of the platform that verifies; the caller disposes it.</summary>
    /// <exception cref="ArgumentException">Not 65 bytes that begin with 4.</exception>
    /// <exception cref="CryptographicException">The point is not on the curve.</exception>
    internal static ECDsa ImportPublic(ReadOnlySpan<byte> point65)
    {
        ThrowUnlessUncompressed(point65);
        ECPoint point = new() { X = point65.Slice(1, WordSize).ToArray(), Y = point65[(1 + WordSize)..].ToArray() };
        return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point });
    }

    /// <summary>Writes a key's public point, SEC1 compressed.</summary>
    internal static void ExportPublic(ECDsa key, Span<byte> sec1)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sec1.Length, CompressedSize, nameof(sec1));
        ECPoint point = key.ExportParameters(includePrivateParameters: false).Q;
        sec1[0] = (byte)(EvenPrefix | (point.Y![^1] & 1));
        point.X!.CopyTo(sec1[1..]);
    }

    // The platform's answer comes in an array of its own, which the collector has had no reason to move in the meantime.
    private static void DeriveInto(ECDiffieHellman own, ECDiffieHellman other, Span<byte> resultX32)
    {
        using ECDiffieHellmanPublicKey publicKey = other.PublicKey;
        byte[] x = own.DeriveRawSecretAgreement(publicKey);
        x.CopyTo(resultX32);
        CryptographicOperations.ZeroMemory(x);
    }
}
