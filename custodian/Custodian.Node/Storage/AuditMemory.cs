using System.Buffers.Binary;

namespace Custodian.Node.Storage;

/// <summary>A place where the audit log ended: the key of its last row, and the MAC that chains that row to all before it.</summary>
internal sealed record AuditTail(long Id, byte[] Chain);

/// <summary>
/// What this process knows of the audit log beside the log itself: the newest entry it has committed, and for the accounts it has
/// written lately that of each. Rows put back while it runs are noticed even when the newer entries were removed or hidden along with them.
/// One thread at a time.
/// </summary>
/// <remarks>
/// It ends with the process: someone who stops the node and puts accounts back together with the whole end of the log goes unnoticed, as
/// someone does who puts the whole database back.
/// </remarks>
/// <param name="capacity">How many accounts to remember at least; never more than twice as many.</param>
internal sealed class AuditMemory(int capacity)
{
    private Dictionary<UInt128, long> _young = [];
    private Dictionary<UInt128, long> _old = [];

    /// <summary>Where the log ended when this process last committed to it; null before its first commit.</summary>
    internal AuditTail? Tail { get; private set; }

    /// <summary>Notes an entry that is durable.</summary>
    internal void Note(byte[] row, AuditTail entry)
    {
        if (_young.Count >= capacity)
        {
            (_old, _young) = (_young, []);
        }

        _young[KeyOf(row)] = entry.Id;
        Tail = entry;
    }

    /// <summary>Whether an account whose newest entry has this key is older than it was: 0 for an account that has none.</summary>
    internal bool IsPutBack(byte[] row, long newest)
    {
        UInt128 key = KeyOf(row);
        return (_young.TryGetValue(key, out long seen) || _old.TryGetValue(key, out seen)) && newest < seen;
    }

    // The names are HMACs: nobody who lacks the lookup key makes two of them share sixteen bytes.
    private static UInt128 KeyOf(byte[] row) => BinaryPrimitives.ReadUInt128BigEndian(row);
}
