using System.Buffers.Binary;
using System.Text;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>Reads a payload field by field. What does not fit is refused; nothing is copied.</summary>
internal struct FrameReader(ReadOnlyMemory<byte> payload)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private ReadOnlyMemory<byte> rest = payload;

    public byte U8() => Take(1).Span[0];

    public uint U32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4).Span);

    public ulong U64() => BinaryPrimitives.ReadUInt64BigEndian(Take(8).Span);

    public long I64() => unchecked((long)U64());

    public bool Flag() => U8() switch
    {
        0 => false,
        1 => true,
        _ => throw new MalformedFrameException("A flag is neither 0 nor 1."),
    };

    /// <summary>Bytes in the payload's own memory.</summary>
    public ReadOnlyMemory<byte> Bytes()
    {
        var length = U32();
        return length <= rest.Length ? Take((int)length) : throw new MalformedFrameException("A field is longer than its frame.");
    }

    /// <summary>Bytes of one length only, in the payload's own memory.</summary>
    public ReadOnlyMemory<byte> Bytes(int length)
    {
        var bytes = Bytes();
        return bytes.Length == length ? bytes : throw new MalformedFrameException("A field has another length than it must have.");
    }

    public string Text()
    {
        try
        {
            return Strict.GetString(Bytes().Span);
        }
        catch (DecoderFallbackException)
        {
            throw new MalformedFrameException("A text is not UTF-8.");
        }
    }

    /// <exception cref="MalformedFrameException">Something is left over.</exception>
    public readonly void End()
    {
        if (!rest.IsEmpty)
        {
            throw new MalformedFrameException("A frame is longer than its fields.");
        }
    }

    private ReadOnlyMemory<byte> Take(int length)
    {
        if (rest.Length < length)
        {
            throw new MalformedFrameException("A frame is shorter than its fields.");
        }
        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
