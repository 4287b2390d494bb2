using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>The one way 16-byte identifiers are read, written and drawn.</summary>
internal static class Identifier16
{
    internal const int Size = 16;

    internal static bool TryRead(ReadOnlySpan<byte> bytes, out UInt128 value)
    {
        bool fits = bytes.Length == Size;
        value = fits ? BinaryPrimitives.ReadUInt128BigEndian(bytes) : default;
        return fits;
    }

    internal static byte[] ToArray(UInt128 value)
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }

    internal static UInt128 Draw()
    {
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    internal static string ToText(UInt128 value) => value.ToString("x32", null);
}
