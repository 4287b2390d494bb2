using System.Diagnostics.CodeAnalysis;

namespace Custodian.Node.Storage;

/// <summary>
/// Bodies that were read before, the least recently used given up first. A body is found by its record's key and its tag, and the tag
/// stands in the authenticated record row, so that what is found is what the row means even after its key was used again. Thread-safe.
/// </summary>
/// <remarks>A Describe comes just before an Evaluate: the second read spares the decryption and the parsing of the header.</remarks>
internal sealed class BodyCache(int capacityBytes)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, LinkedListNode<Held>> _byRecord = [];
    private readonly LinkedList<Held> _newestFirst = [];
    private long _weight;

    private sealed record Held(long Record, byte[] Tag, RecordBody Body);

    internal bool TryGet(long record, ReadOnlySpan<byte> tag, [NotNullWhen(true)] out RecordBody? body)
    {
        lock (_gate)
        {
            body = null;
            if (_byRecord.TryGetValue(record, out LinkedListNode<Held>? node) && tag.SequenceEqual(node.Value.Tag))
            {
                _newestFirst.Remove(node);
                _newestFirst.AddFirst(node);
                body = node.Value.Body;
            }

            return body is not null;
        }
    }

    internal void Put(long record, byte[] tag, RecordBody body)
    {
        if (body.Weight > capacityBytes)
        {
            return;
        }

        lock (_gate)
        {
            Drop(record);
            _byRecord[record] = _newestFirst.AddFirst(new Held(record, tag, body));
            _weight += body.Weight;
            while (_weight > capacityBytes)
            {
                Drop(_newestFirst.Last!.Value.Record);
            }
        }
    }

    private void Drop(long record)
    {
        if (_byRecord.Remove(record, out LinkedListNode<Held>? node))
        {
            _newestFirst.Remove(node);
            _weight -= node.Value.Body.Weight;
        }
    }
}
