namespace Custodian.Protocol;

/// <summary>
/// Reads protobuf fields in place, without copying any. Stricter than the specification where nobody writes so: a tag or length that does
/// not fit 32 bits, and groups, are refused.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;
    private const int MaxVarintSize = 10;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether nothing is left.</summary>
    internal readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>
    /// Reads the next field: its tag, and for wire type 2 its content; other types are stepped over. False when the bytes are malformed.
    /// </summary>
    internal bool TryReadField(out uint tag, out ReadOnlySpan<byte> content)
    {
        content = default;
        tag = 0;
        if (!TryReadVarint(out ulong raw) || raw >> 3 is 0 or > uint.MaxValue >> 3)
        {
            return false;
        }

        tag = (uint)raw;
        return (tag & 7) switch
        {
            Varint => TryReadVarint(out _),
            Fixed64 => TryTake(sizeof(ulong), out _),
            LengthDelimited => TryReadVarint(out ulong length) && TryTake(length, out content),
            Fixed32 => TryTake(sizeof(uint), out _),
            _ => false,
        };
    }

    private bool TryReadVarint(out ulong value)
    {
        value = 0;
        int size = Math.Min(_rest.Length, MaxVarintSize);
        for (int i = 0; i < size; i++)
        {
            value |= (ulong)(_rest[i] & 0x7f) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    private bool TryTake(ulong length, out ReadOnlySpan<byte> content)
    {
        bool fits = length <= (ulong)_rest.Length;
        content = fits ? _rest[..(int)length] : default;
        _rest = fits ? _rest[(int)length..] : default;
        return fits;
    }
}
