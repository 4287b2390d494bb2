using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Protocol;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// A record's OPRF key k_i (protocol.md section 6) in this process's memory, for a module that cannot evaluate it: drawn by the HSM's random
/// number generator, multiplied by the platform (OpenSSL) in its constant time, and zeroed. What passes through here lies on the stack or in
/// pinned arrays; OpenSSL clears its own key, and what it frees without clearing is overwritten (<see cref="FreedMemory"/>).
/// </summary>
internal static class MemoryKey
{
    public const int Length = 32;

    private const int CoordinateLength = Pkcs11Session.CoordinateLength;

    /// <summary>The order n of P-256's group.</summary>
    private static ReadOnlySpan<byte> Order =>
    [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];

    /// <summary>Draws a key k and writes x(k * point), its public point k * G and k itself, which the caller seals and zeroes.</summary>
    /// <returns>k's length.</returns>
    /// <exception cref="HsmException">The HSM draws nothing that is a key, or the point is none of the curve (class Data).</exception>
    public static int Make(
        Pkcs11Session session, ReadOnlySpan<byte> point, Span<byte> evaluated, Span<byte> publicPoint, Span<byte> key)
    {
        var k = key[..Length];
        Draw(session, k);
        Multiply(k, point, evaluated, publicPoint);
        return Length;
    }

    /// <summary>Writes x(k * point).</summary>
    /// <exception cref="HsmException">The point is none of the curve, or the key no key (class Data).</exception>
    public static void Evaluate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> point, Span<byte> evaluated) =>
        Multiply(key, point, evaluated, publicPoint: default);

    /// <summary>Whether 32 bytes are a number in 1..n-1. Constant time but for the answer.</summary>
    internal static bool IsScalar(ReadOnlySpan<byte> key)
    {
        var (borrow, any) = (0, 0);
        for (var i = Length - 1; i >= 0; i--)
        {
            borrow = ((key[i] - Order[i] - borrow) >> 8) & 1;
            any |= key[i];
        }
        return (borrow & (any == 0 ? 0 : 1)) == 1;
    }

    // Every number below n is as likely as any other: those that are not are drawn anew, once in four thousand million times.
    private static void Draw(Pkcs11Session session, Span<byte> key)
    {
        const int tries = 8;
        for (var i = 0; i < tries; i++)
        {
            session.Random(key);
            if (IsScalar(key))
            {
                return;
            }
        }
        throw new HsmException(HsmErrorClass.Fatal, 0, "C_GenerateRandom", "The HSM's random number generator draws no numbers that are keys.");
    }

    private static void Multiply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> point, Span<byte> evaluated, Span<byte> publicPoint)
    {
        var d = GC.AllocateUninitializedArray<byte>(Length, pinned: true);
        key.CopyTo(d);
        try
        {
            using var own = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d });
            using var other = ECDiffieHellman.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint { X = point[1..(1 + CoordinateLength)].ToArray(), Y = point[(1 + CoordinateLength)..].ToArray() },
            });
            DeriveInto(own, other, evaluated);
            if (!publicPoint.IsEmpty)
            {
                WritePoint(own.ExportParameters(includePrivateParameters: false).Q, publicPoint);
            }
        }
        catch (CryptographicException e)
        {
            // OpenSSL's words say nothing of the key; the point was somebody else's.
            throw new HsmException(HsmErrorClass.Data, 0, "evaluate", "The point is none of the curve, or the key is none.", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(d);
            FreedMemory.Wipe();
        }
    }

    // The platform's answer comes in an array of its own, which the collector has had no reason to move in the meantime.
    private static void DeriveInto(ECDiffieHellman own, ECDiffieHellman other, Span<byte> evaluated)
    {
        using var publicKey = other.PublicKey;
        var x = own.DeriveRawSecretAgreement(publicKey);
        x.CopyTo(evaluated);
        CryptographicOperations.ZeroMemory(x);
    }

    private static void WritePoint(ECPoint q, Span<byte> point)
    {
        point[0] = 0x04;
        q.X!.CopyTo(point[1..]);
        q.Y!.CopyTo(point[(1 + CoordinateLength)..]);
    }
}
