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

    /// <summary>
    /// Takes an attempt back that was never charged, by how its call ended: else it would hide one that someone else makes. An ending that
    /// does not say whether it was charged leaves it counted.
    /// </summary>
    /// <param name="record">The record.</param>
    /// <param name="node">The node.</param>
    /// <param name="outcome">What the last send of the call came to.</param>
    /// <param name="mayHaveActed">Whether the answer to some send was lost, so that the node may have charged it.</param>
    internal void Settle(RecordId record, NodeId node, NodeOutcome outcome, bool mayHaveActed)
    {
        if (DoesNotKnow(outcome) || (!mayHaveActed && WasNotCharged(outcome)))
        {
            _made.AddOrUpdate((record, node), 0, (_, made) => Math.Max(0, made - 1));
        }
    }

    internal void Clear(RecordId record, NodeId node) => _made.TryRemove((record, node), out _);

    /// <summary>Attempts that others made, by what a node says is left: max_attempts - remaining - own, at least 0.</summary>
    internal int Foreign(Header header, NodeId node, int remaining) =>
        Math.Max(0, header.MaxAttempts - remaining - _made.GetValueOrDefault((header.RecordId, node)));

    /// <summary>Section 11: a node that has charged the attempt, for whatever send, answers it again in place of these.</summary>
    private static bool DoesNotKnow(NodeOutcome outcome) =>
        outcome.Refusal?.Reason is RefusalReason.RecordNotFound or RefusalReason.RecordDestroyed or RefusalReason.WrongState
            or RefusalReason.Delayed or RefusalReason.AttemptsExhausted;

    /// <summary>
    /// Section 11: a node refuses a send for these before it looks for the attempt, or takes back what it charged for that send when its HSM
    /// fails. What it charged for an earlier one stands.
    /// </summary>
    private static bool WasNotCharged(NodeOutcome outcome) =>
        outcome.Condition is NodeCondition.NoToken or NodeCondition.Untrusted
        || outcome.Refusal?.Reason is RefusalReason.InvalidRequest or RefusalReason.TokenRejected or RefusalReason.ScopeMissing
            or RefusalReason.Overloaded or RefusalReason.HsmUnavailable;
}
