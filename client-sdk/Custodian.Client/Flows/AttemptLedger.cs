using System.Collections.Concurrent;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// How many attempts this client made at each record and node since the last Confirm there, to tell them from attempts that someone else
/// made (protocol.md section 14). A resend is not another attempt. Thread-safe.
/// </summary>
internal sealed class AttemptLedger
{
    private readonly ConcurrentDictionary<(RecordId Record, NodeId Node), int> _made = [];

    internal void Add(RecordId record, NodeId node) => _made.AddOrUpdate((record, node), 1, (_, made) => made + 1);

    internal void Clear(RecordId record, NodeId node) => _made.TryRemove((record, node), out _);

    /// <summary>Attempts that others made, by what a node says is left: max_attempts - remaining - own, at least 0.</summary>
    internal int Foreign(Header header, NodeId node, int remaining) =>
        Math.Max(0, header.MaxAttempts - remaining - _made.GetValueOrDefault((header.RecordId, node)));
}
