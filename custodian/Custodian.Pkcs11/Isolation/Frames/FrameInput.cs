using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>
/// Frames from a stream, one at a time, into pinned memory of this object's own. What a frame held is zeroed when the next one is asked
/// for. Not thread-safe.
/// </summary>
/// <param name="stream">Where they come from.</param>
/// <param name="waitsAsBatch">
/// Whether its thread waits for the stream under <see cref="BatchScheduling"/>: the wait alone, since what the thread starts with what it
/// has read, such as threads of the pool, would inherit it.
/// </param>
internal sealed class FrameInput(Stream stream, bool waitsAsBatch = false) : IDisposable
{
    private const int FirstRoom = 64 * 1024;

    private byte[] room = Pinned(FirstRoom);
    private int start;
    private int end;
    private int handedOut;

    /// <summary>The next frame; false at the end of the stream, where a frame might have begun.</summary>
    /// <exception cref="MalformedFrameException">What comes is no frame, or the stream ends within one.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public bool TryRead(out Frame frame)
    {
        Release();
        frame = default;
        if (!Fill(FrameFormat.LengthSize))
        {
            return end == start ? false : throw new MalformedFrameException("The stream ends within a frame's length.");
        }
        var size = Size(BinaryPrimitives.ReadUInt32BigEndian(room.AsSpan(start)));
        if (!Fill(size))
        {
            throw new MalformedFrameException("The stream ends within a frame.");
        }
        frame = Parse(room.AsMemory(start, size));
        handedOut = size;
        return true;
    }

    /// <summary>Zeroes what was read.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(room);

    private static int Size(uint length)
    {
        const int shortest = FrameFormat.HeadSize - FrameFormat.LengthSize;
        const int longest = FrameFormat.MaxSize - FrameFormat.LengthSize;
        return length is >= shortest and <= longest
            ? FrameFormat.LengthSize + (int)length
            : throw new MalformedFrameException($"A frame of {length} bytes: it must be {shortest} to {longest}.");
    }

    private static Frame Parse(ReadOnlyMemory<byte> bytes)
    {
        var kind = (FrameKind)bytes.Span[FrameFormat.LengthSize];
        return Enum.IsDefined(kind)
            ? new(kind, BinaryPrimitives.ReadUInt64BigEndian(bytes.Span[(FrameFormat.LengthSize + 1)..]), bytes[FrameFormat.HeadSize..])
            : throw new MalformedFrameException($"A frame of the unknown kind {(byte)kind}.");
    }

    private void Release()
    {
        CryptographicOperations.ZeroMemory(room.AsSpan(start, handedOut));
        start += handedOut;
        handedOut = 0;
        if (start == end)
        {
            start = end = 0;
        }
    }

    /// <summary>Reads until so many bytes are there; false when the stream ends before.</summary>
    private bool Fill(int needed)
    {
        if (room.Length - start < needed)
        {
            MakeRoom(needed);
        }
        while (end - start < needed)
        {
            var read = ReadMore();
            if (read == 0)
            {
                return false;
            }
            end += read;
        }
        return true;
    }

    private int ReadMore()
    {
        if (!waitsAsBatch)
        {
            return stream.Read(room, end, room.Length - end);
        }
        BatchScheduling.Choose();
        try
        {
            return stream.Read(room, end, room.Length - end);
        }
        finally
        {
            BatchScheduling.End();
        }
    }

    private void MakeRoom(int needed)
    {
        var larger = needed > room.Length ? Pinned(FrameFormat.MaxSize) : room;
        var former = room;
        var formerEnd = end;
        former.AsSpan(start, end - start).CopyTo(larger);
        (room, start, end) = (larger, 0, end - start);
        var left = ReferenceEquals(former, larger) ? former.AsSpan(end, formerEnd - end) : former;
        CryptographicOperations.ZeroMemory(left);
    }

    private static byte[] Pinned(int length) => GC.AllocateArray<byte>(length, pinned: true);
}
