using System.Buffers.Binary;
using System.Collections.Immutable;
using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>
/// The two lists that are a column each, as entries of fixed length, oldest first. They are read only after the row's MAC has held, so
/// what does not parse was written by another program.
/// </summary>
internal static class ListColumns
{
    private const int DigestSize = 32;
    private const int ChargeSize = AttemptId.Size + DigestSize + sizeof(long) + sizeof(ulong) + sizeof(uint);
    private const int TombstoneSize = RecordId.Size + sizeof(ulong) + sizeof(byte);

    /// <summary>Each charge as <c>attempt_id || H(blinded) || u64(ms) || u64(sequence) || u32(evaluations)</c>.</summary>
    internal static byte[] Encode(ImmutableArray<Charge> charges)
    {
        byte[] column = new byte[charges.Length * ChargeSize];
        Span<byte> rest = column;
        foreach (Charge charge in charges)
        {
            charge.Attempt.CopyTo(rest);
            rest = rest[AttemptId.Size..];
            charge.BlindedDigest.Span.CopyTo(rest[..DigestSize]);
            rest = rest[DigestSize..];
            BinaryPrimitives.WriteInt64BigEndian(rest, charge.ChargedMs);
            BinaryPrimitives.WriteUInt64BigEndian(rest[8..], charge.Sequence);
            BinaryPrimitives.WriteUInt32BigEndian(rest[16..], charge.Evaluations);
            rest = rest[20..];
        }

        return column;
    }

    /// <exception cref="FormatException">The column is no list of charges.</exception>
    internal static ImmutableArray<Charge> DecodeCharges(ReadOnlyMemory<byte> column)
    {
        var charges = ImmutableArray.CreateBuilder<Charge>(Count(column, ChargeSize));
        for (ReadOnlyMemory<byte> rest = column; !rest.IsEmpty; rest = rest[ChargeSize..])
        {
            ReadOnlySpan<byte> numbers = rest.Span[(AttemptId.Size + DigestSize)..];
            charges.Add(new Charge(
                AttemptId.Read(rest.Span[..AttemptId.Size]),
                rest.Slice(AttemptId.Size, DigestSize),
                BinaryPrimitives.ReadInt64BigEndian(numbers),
                BinaryPrimitives.ReadUInt64BigEndian(numbers[8..]),
                BinaryPrimitives.ReadUInt32BigEndian(numbers[16..])));
        }

        return charges.MoveToImmutable();
    }

    /// <summary>Each tombstone as <c>record_id || u64(generation) || u8(reason)</c>.</summary>
    internal static byte[] Encode(ImmutableArray<Tombstone> tombstones)
    {
        byte[] column = new byte[tombstones.Length * TombstoneSize];
        Span<byte> rest = column;
        foreach (Tombstone tombstone in tombstones)
        {
            tombstone.Id.CopyTo(rest);
            BinaryPrimitives.WriteUInt64BigEndian(rest[RecordId.Size..], tombstone.Generation);
            rest[TombstoneSize - 1] = (byte)tombstone.Reason;
            rest = rest[TombstoneSize..];
        }

        return column;
    }

    /// <exception cref="FormatException">The column is no list of tombstones.</exception>
    internal static ImmutableArray<Tombstone> DecodeTombstones(ReadOnlyMemory<byte> column)
    {
        var tombstones = ImmutableArray.CreateBuilder<Tombstone>(Count(column, TombstoneSize));
        for (ReadOnlySpan<byte> rest = column.Span; !rest.IsEmpty; rest = rest[TombstoneSize..])
        {
            var reason = (DestroyReason)rest[TombstoneSize - 1];
            tombstones.Add(Enum.IsDefined(reason)
                ? new Tombstone(RecordId.Read(rest[..RecordId.Size]), BinaryPrimitives.ReadUInt64BigEndian(rest[RecordId.Size..]), reason)
                : throw new FormatException("a tombstone of an unknown reason"));
        }

        return tombstones.MoveToImmutable();
    }

    private static int Count(ReadOnlyMemory<byte> column, int size) =>
        column.Length % size == 0 ? column.Length / size : throw new FormatException("a list column of a broken length");
}
