using System.Text;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>Authorised keys as a field: <c>u32 count</c> and for each <c>u8 purpose || u32 version || lp(identity)</c>.</summary>
internal static class AuthorisedField
{
    /// <summary>More versions than a node ever comes to.</summary>
    private const uint Most = 4096;

    public static int SizeOf(IReadOnlyList<AuthorisedKey> keys) =>
        4 + keys.Sum(key => 1 + 4 + FrameFormat.SizeOf(Encoding.UTF8.GetByteCount(key.Identity)));

    public static void Write(ref FrameWriter frame, IReadOnlyList<AuthorisedKey> keys)
    {
        frame.U32((uint)keys.Count);
        foreach (var key in keys)
        {
            frame.U8((byte)key.Purpose);
            frame.U32(key.Version);
            frame.Text(key.Identity);
        }
    }

    /// <exception cref="MalformedFrameException">It is not what <see cref="Write"/> writes.</exception>
    public static AuthorisedKey[] Read(ref FrameReader fields)
    {
        var count = fields.U32();
        if (count > Most)
        {
            throw new MalformedFrameException("More authorised keys than there can be.");
        }
        var keys = new AuthorisedKey[count];
        for (var i = 0; i < count; i++)
        {
            var purpose = (KeyPurpose)fields.U8();
            keys[i] = Enum.IsDefined(purpose)
                ? new AuthorisedKey(purpose, fields.U32(), fields.Text())
                : throw new MalformedFrameException("An authorised key is for nothing known.");
        }
        return keys;
    }
}
