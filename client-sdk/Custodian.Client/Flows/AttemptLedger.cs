using System.Collections.Concurrent;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// How many attempts this client made at each record and node since the last Confirm there, to tell them from attempts that someone else
/// made (protocol.md section 14). A resend is not another attempt. Thread-safe.
/// </summary>
internal sealed class AttemptLedger
{
    private readonly ConcurrentDictionary<(RecordId Record, NodeId Node), Own> _made = [];

    /// <summary>Counts an attempt that is about to be sent.</summary>
    internal void Add(RecordId record, NodeId node) => Change(record, node, own => own with { UnderWay = own.UnderWay + 1 });

    /// <summary>Keeps an attempt counted whose call ended without a word.</summary>
    internal void Keep(RecordId record, NodeId node) => Change(record, node, own => new Own(own.UnderWay - 1, own.Ended + 1));

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
            Change(record, node, own => own with { UnderWay = own.UnderWay - 1 });
        }
        else
        {
            Keep(record, node);
        }
    }

    /// <summary>After a Confirm. What is still under way may be charged after it, and stays counted.</summary>
    internal void Clear(RecordId record, NodeId node) => Change(record, node, own => own with { Ended = 0 });

    /// <summary>How many are counted now.</summary>
    internal int Count(RecordId record, NodeId node) => _made.GetValueOrDefault((record, node)).Count;

    /// <summary>Attempts that others made, by what a node says is left.</summary>
    internal int Foreign(Header header, NodeId node, int remaining) => Foreign(header, remaining, Count(header.RecordId, node));

    /// <summary>max_attempts - remaining - own, at least 0.</summary>
    internal static int Foreign(Header header, int remaining, int own) => Math.Max(0, header.MaxAttempts - remaining - own);

    private void Change(RecordId record, NodeId node, Func<Own, Own> change)
    {
        if (_made.AddOrUpdate((record, node), _ => change(default), (_, own) => change(own)) == default)
        {
            _made.TryRemove(KeyValuePair.Create((record, node), default(Own)));
        }
    }

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

    /// <summary>Attempts of this client.</summary>
    /// <param name="UnderWay">Whose calls have not ended.</param>
    /// <param name="Ended">Whose calls have, since the last Confirm.</param>
    private readonly record struct Own(int UnderWay, int Ended)
    {
        internal int Count => UnderWay + Ended;
    }
}
