using System.Buffers;
using System.Text;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>Keys of a token as a field: <c>u32 count</c> and for each <c>u8 purpose || u32 version || lp(identity in hexadecimal)</c>.</summary>
internal static class TokenKeysField
{
    /// <summary>More keys than a token ever comes to.</summary>
    private const uint Most = 4096;

    private static readonly SearchValues<char> Hexadecimal = SearchValues.Create("0123456789abcdef");

    public static int SizeOf(IReadOnlyList<TokenKey> keys) =>
        4 + keys.Sum(key => 1 + 4 + FrameFormat.SizeOf(Encoding.UTF8.GetByteCount(key.Identity)));

    public static void Write(ref FrameWriter frame, IReadOnlyList<TokenKey> keys)
    {
        frame.U32((uint)keys.Count);
        foreach (var key in keys)
        {
            frame.U8((byte)key.Purpose);
            frame.U32(key.Version);
            frame.Text(key.Identity);
        }
    }

    /// <summary>The same of keys that may not have been named at all: <c>u8 named</c> before them.</summary>
    public static int SizeOfOptional(IReadOnlyList<TokenKey>? keys) => 1 + SizeOf(keys ?? []);

    /// <inheritdoc cref="SizeOfOptional"/>
    public static void WriteOptional(ref FrameWriter frame, IReadOnlyList<TokenKey>? keys)
    {
        frame.U8(keys is null ? (byte)0 : (byte)1);
        Write(ref frame, keys ?? []);
    }

    /// <exception cref="MalformedFrameException">It is not what <see cref="WriteOptional"/> writes.</exception>
    public static TokenKey[]? ReadOptional(ref FrameReader fields)
    {
        var isNamed = fields.Flag();
        var keys = Read(ref fields);
        return isNamed ? keys : keys.Length == 0 ? null : throw new MalformedFrameException("Keys where none were named.");
    }

    /// <exception cref="MalformedFrameException">It is not what <see cref="Write"/> writes.</exception>
    public static TokenKey[] Read(ref FrameReader fields)
    {
        var count = fields.U32();
        if (count > Most)
        {
            throw new MalformedFrameException("More keys than there can be.");
        }
        var keys = new TokenKey[count];
        for (var i = 0; i < count; i++)
        {
            keys[i] = ReadOne(ref fields);
        }
        return keys;
    }

    private static TokenKey ReadOne(ref FrameReader fields)
    {
        var key = new TokenKey((KeyPurpose)fields.U8(), fields.U32(), fields.Text());
        if (!Enum.IsDefined(key.Purpose) || key.Version == 0)
        {
            throw new MalformedFrameException("A key is for nothing known, or of no version.");
        }
        return key.Identity.Length % 2 == 0 && !key.Identity.AsSpan().ContainsAnyExcept(Hexadecimal)
            ? key
            : throw new MalformedFrameException("A key's identity is not hexadecimal.");
    }
}
