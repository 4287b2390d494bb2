using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Sealing;

namespace Custodian.Pkcs11;

/// <summary>What an argument of an <see cref="IHsm"/> must be, whoever implements it.</summary>
internal static class OperationRules
{
    public const int PointLength = Pkcs11Session.PointLength;
    public const int SignatureLength = Pkcs11Session.SignatureLength;
    public const int CoordinateLength = Pkcs11Session.CoordinateLength;
    public const int MaskedShareLength = WrappedKeyContent.MaskedShareLength;

    /// <exception cref="ArgumentException">Not 65 bytes that begin with 04.</exception>
    public static void RequirePoint(ReadOnlyMemory<byte> point)
    {
        if (!IsPoint(point))
        {
            throw new ArgumentException("A point is 65 bytes, 04 || X || Y.", nameof(point));
        }
    }

    public static bool IsPoint(ReadOnlyMemory<byte> point) => point.Length == PointLength && point.Span[0] == 0x04;

    /// <exception cref="ArgumentOutOfRangeException">Not 32 bytes.</exception>
    public static void RequireMaskedShare(ReadOnlyMemory<byte> maskedShare) =>
        ArgumentOutOfRangeException.ThrowIfNotEqual(maskedShare.Length, MaskedShareLength, nameof(maskedShare));

    /// <exception cref="ArgumentOutOfRangeException">More than one blob holds.</exception>
    public static void RequirePlaintext(ReadOnlyMemory<byte> plaintext) =>
        ArgumentOutOfRangeException.ThrowIfGreaterThan(plaintext.Length, SealedBlob.MaxPlaintext, nameof(plaintext));
}
