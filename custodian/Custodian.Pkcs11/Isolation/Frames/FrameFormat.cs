namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>
/// A frame: <c>u32 length || u8 kind || u64 id || payload</c>, big-endian, where the length counts what follows it. An answer bears the
/// id of its request. A payload is fields one after another: numbers in their width, bytes and UTF-8 text after a u32 length.
/// </summary>
internal static class FrameFormat
{
    public const int LengthSize = 4;
    public const int HeadSize = LengthSize + 1 + 8;

    /// <summary>The longest frame in all. The longest blob is 64 KiB; the rest is room for the caller's contexts.</summary>
    public const int MaxSize = 1 << 20;

    /// <summary>The longest payload.</summary>
    public const int MaxPayload = MaxSize - HeadSize;

    /// <summary>What a field of bytes takes.</summary>
    public static int SizeOf(int bytes) => 4 + bytes;
}

/// <summary>A frame that was read. The payload is the reader's own memory, and is zeroed when the next frame is read.</summary>
internal readonly record struct Frame(FrameKind Kind, ulong Id, ReadOnlyMemory<byte> Payload);
