using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>
/// One entry of the audit log, in the bytes of architecture.md "Storage":
/// <c>u8(1) || lp(node_id) || u64(ms) || u8(event) || lp(account row) || lp(record_id) || u64(generation) || lp(attempt_id) ||
/// u32(attempts_used) || lp(row HMAC) || 16 random bytes</c>.
/// </summary>
/// <param name="Node">The node that wrote it.</param>
/// <param name="Ms">When, Unix milliseconds of the node's clock.</param>
/// <param name="Event">What happened, to which record; an event that concerns no record has a record_id of zeros.</param>
/// <param name="AccountRow">The name of the account's row, 32 bytes.</param>
/// <param name="RowMac">The account row's MAC after the event, 32 bytes.</param>
/// <param name="Random">What makes two entries of the same event differ, 16 bytes.</param>
internal sealed record AuditEntry(
    NodeId Node, long Ms, AuditEvent Event, ReadOnlyMemory<byte> AccountRow, ReadOnlyMemory<byte> RowMac, ReadOnlyMemory<byte> Random)
{
    /// <summary>Length of <see cref="Random"/> in bytes.</summary>
    internal const int RandomSize = 16;

    private const byte Version = 1;

    internal byte[] Encode() => new LengthPrefixed()
        .U8(Version)
        .Lp(Node.Value)
        .U64(unchecked((ulong)Ms))
        .U8((byte)Event.Kind)
        .Lp(AccountRow.Span)
        .Lp(Event.Record.ToArray())
        .U64(Event.Generation)
        .Lp(Event.Attempt?.ToArray() ?? [])
        .U32(Event.AttemptsUsed)
        .Lp(RowMac.Span)
        .Raw(Random.Span)
        .ToArray();

    /// <summary>Reads an entry. False for bytes that <see cref="Encode"/> does not make; no bytes make this throw.</summary>
    internal static bool TryParse(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out AuditEntry? entry)
    {
        var fields = new Fields(bytes);
        bool isVersion = fields.U8() == Version;
        bool isNode = NodeId.TryParse(fields.Ascii(), out NodeId node);
        long ms = unchecked((long)fields.U64());
        var kind = (AuditKind)fields.U8();
        ReadOnlyMemory<byte> row = fields.Lp(RowMacs.Size);
        bool isRecord = RecordId.TryRead(fields.Lp(RecordId.Size).Span, out RecordId record);
        ulong generation = fields.U64();
        AttemptId? attempt = AttemptId.TryRead(fields.Lp(0, AttemptId.Size).Span, out AttemptId read) ? read : null;
        uint used = fields.U32();
        ReadOnlyMemory<byte> mac = fields.Lp(RowMacs.Size);
        ReadOnlyMemory<byte> random = fields.Take(RandomSize);
        entry = isVersion && isNode && isRecord && Enum.IsDefined(kind) && fields.EndedWell
            ? new AuditEntry(node, ms, new AuditEvent(kind, record, generation, attempt, used), row, mac, random)
            : null;
        return entry is not null;
    }

    /// <summary>Takes fields off the front. Once one does not fit, it and every next is empty, and the whole has not ended well.</summary>
    private ref struct Fields(ReadOnlyMemory<byte> bytes)
    {
        private ReadOnlyMemory<byte> _rest = bytes;
        private bool _failed;

        internal readonly bool EndedWell => !_failed && _rest.IsEmpty;

        internal ReadOnlyMemory<byte> Take(int length)
        {
            _failed |= length > _rest.Length;
            if (_failed)
            {
                return default;
            }

            ReadOnlyMemory<byte> taken = _rest[..length];
            _rest = _rest[length..];
            return taken;
        }

        internal byte U8() => Take(sizeof(byte)) is { IsEmpty: false } b ? b.Span[0] : (byte)0;

        internal uint U32() => Take(sizeof(uint)) is { IsEmpty: false } b ? BinaryPrimitives.ReadUInt32BigEndian(b.Span) : 0;

        internal ulong U64() => Take(sizeof(ulong)) is { IsEmpty: false } b ? BinaryPrimitives.ReadUInt64BigEndian(b.Span) : 0;

        /// <summary>A field with its length, which must be one of these.</summary>
        internal ReadOnlyMemory<byte> Lp(params ReadOnlySpan<int> allowed)
        {
            uint length = U32();
            _failed |= length > int.MaxValue || !allowed.Contains((int)length);
            return _failed ? default : Take((int)length);
        }

        internal string Ascii()
        {
            uint length = U32();
            _failed |= length > _rest.Length;
            return _failed ? "" : Encoding.Latin1.GetString(Take((int)length).Span);
        }
    }
}
