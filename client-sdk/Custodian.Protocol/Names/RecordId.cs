using System.Buffers.Binary;

namespace Custodian.Protocol;

/// <summary>The name of one record (protocol.md section 3): 16 random bytes, drawn by the client, new for every enrolment.</summary>
public readonly record struct RecordId
{
    /// <summary>Length in bytes.</summary>
    public const int Size = Identifier16.Size;

    private readonly UInt128 _value;

    private RecordId(UInt128 value) => _value = value;

    /// <summary>Reads an identifier of exactly 16 bytes. Returns false for any other length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out RecordId id)
    {
        bool fits = Identifier16.TryRead(bytes, out UInt128 value);
        id = new RecordId(value);
        return fits;
    }

    /// <summary>Reads an identifier of exactly 16 bytes.</summary>
    /// <exception cref="FormatException">The length is another.</exception>
    public static RecordId Read(ReadOnlySpan<byte> bytes) =>
        TryRead(bytes, out RecordId id) ? id : throw new FormatException("a record_id is 16 bytes");

    /// <summary>A new identifier from the system's random number generator.</summary>
    public static RecordId Draw() => new(Identifier16.Draw());

    /// <summary>The 16 bytes, in a new array.</summary>
    public byte[] ToArray() => Identifier16.ToArray(_value);

    /// <summary>Writes the 16 bytes.</summary>
    /// <exception cref="ArgumentException">The destination is shorter than 16 bytes.</exception>
    public void CopyTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, _value);

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Identifier16.ToText(_value);
}
