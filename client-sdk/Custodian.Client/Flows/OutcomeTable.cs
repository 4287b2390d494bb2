using System.Collections.Concurrent;
using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// How the nodes fare in an operation, as it goes on; the last word about a node counts, but faulty stays faulty. Thread-safe.
/// </summary>
internal sealed class OutcomeTable
{
    private readonly ConcurrentDictionary<NodeId, NodeOutcome> _outcomes = [];

    internal NodeOutcome this[NodeId node] => _outcomes.GetValueOrDefault(node, NodeOutcome.Unanswered);

    internal void Set(NodeId node, NodeOutcome outcome) =>
        _outcomes.AddOrUpdate(node, outcome, (_, earlier) => earlier.Condition == NodeCondition.Faulty ? earlier : outcome);

    /// <summary>A copy that does not change any more.</summary>
    internal ImmutableDictionary<NodeId, NodeOutcome> Snapshot() => _outcomes.ToImmutableDictionary();
}
