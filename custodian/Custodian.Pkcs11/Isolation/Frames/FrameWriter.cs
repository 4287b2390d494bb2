using System.Buffers.Binary;
using System.Text;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>Writes one frame, field by field, into memory of its exact size.</summary>
internal ref struct FrameWriter
{
    private readonly FrameBuffer frame;
    private Span<byte> room;

    /// <param name="kind">What it is.</param>
    /// <param name="id">Its number; a request gets its own when it is sent.</param>
    /// <param name="payloadSize">What the fields take together.</param>
    /// <exception cref="ArgumentException">The payload is longer than a frame takes.</exception>
    public FrameWriter(FrameKind kind, ulong id, int payloadSize)
    {
        if (payloadSize > FrameFormat.MaxPayload)
        {
            throw new ArgumentException("The arguments of one operation take at most a mebibyte together.");
        }
        frame = FrameBuffer.Rent(FrameFormat.HeadSize + payloadSize);
        room = frame.Span;
        U32((uint)(room.Length - FrameFormat.LengthSize));
        U8((byte)kind);
        U64(id);
    }

    public void U8(byte value)
    {
        room[0] = value;
        room = room[1..];
    }

    public void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(room, value);
        room = room[4..];
    }

    public void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(room, value);
        room = room[8..];
    }

    public void I64(long value) => U64(unchecked((ulong)value));

    public void Bytes(ReadOnlySpan<byte> value)
    {
        U32((uint)value.Length);
        value.CopyTo(room);
        room = room[value.Length..];
    }

    public void Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        U32((uint)length);
        Encoding.UTF8.GetBytes(value, room);
        room = room[length..];
    }

    /// <summary>The frame, which the caller disposes.</summary>
    public readonly FrameBuffer Finish() =>
        room.IsEmpty ? frame : throw new InvalidOperationException("The fields do not fill the frame.");
}
