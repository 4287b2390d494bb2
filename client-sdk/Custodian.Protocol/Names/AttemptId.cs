using System.Buffers.Binary;

namespace Custodian.Protocol;

/// <summary>The name of one try at a record (protocol.md section 3): 16 random bytes, drawn by the client, new for every try, the same for a resend of that try.</summary>
public readonly record struct AttemptId
{
    /// <summary>Length in bytes.</summary>
    public const int Size = Identifier16.Size;

    private readonly UInt128 _value;

    private AttemptId(UInt128 value) => _value = value;

    /// <summary>Reads an identifier of exactly 16 bytes. Returns false for any other length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out AttemptId id)
    {
        bool fits = Identifier16.TryRead(bytes, out UInt128 value);
        id = new AttemptId(value);
        return fits;
    }

    /// <summary>Reads an identifier of exactly 16 bytes.</summary>
    /// <exception cref="FormatException">The length is another.</exception>
    public static AttemptId Read(ReadOnlySpan<byte> bytes) =>
        TryRead(bytes, out AttemptId id) ? id : throw new FormatException("an attempt_id is 16 bytes");

    /// <summary>A new identifier from the system's random number generator.</summary>
    public static AttemptId Draw() => new(Identifier16.Draw());

    /// <summary>The 16 bytes, in a new array.</summary>
    public byte[] ToArray() => Identifier16.ToArray(_value);

    /// <summary>Writes the 16 bytes.</summary>
    /// <exception cref="ArgumentException">The destination is shorter than 16 bytes.</exception>
    public void CopyTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, _value);

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Identifier16.ToText(_value);
}
