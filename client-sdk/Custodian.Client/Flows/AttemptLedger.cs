using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// How many attempts this client made at each record and node since the last Confirm there, to tell them from attempts that someone else
/// made (protocol.md section 14). A resend is not another attempt. Thread-safe.
/// </summary>
internal sealed class AttemptLedger
{
    private readonly Lock _counting = new();
    private readonly Dictionary<(RecordId Record, NodeId Node), Own> _made = [];
    private readonly HashSet<Reading> _open = [];

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

    /// <summary>How many a Confirm that is sent now is sure to erase.</summary>
    internal int Ended(RecordId record, NodeId node)
    {
        lock (_counting)
        {
            return _made.GetValueOrDefault((record, node)).Ended;
        }
    }

    /// <summary>After a Confirm: takes away what had <see cref="Ended"/> before it was sent. What came later may be charged after it, and stays.</summary>
    internal void Clear(RecordId record, NodeId node, int ended) =>
        Change(record, node, own => own with { Ended = Math.Max(0, own.Ended - ended) });

    /// <summary>Begins to watch what a node may count, before it is asked.</summary>
    internal Reading Watch(NodeId node)
    {
        var reading = new Reading(this, node);
        lock (_counting)
        {
            _open.Add(reading);
        }

        return reading;
    }

    /// <summary>max_attempts - remaining - own, at least 0.</summary>
    internal static int Foreign(Header header, int remaining, int own) => Math.Max(0, header.MaxAttempts - remaining - own);

    private void Change(RecordId record, NodeId node, Func<Own, Own> change)
    {
        lock (_counting)
        {
            Own before = _made.GetValueOrDefault((record, node));
            Own after = change(before);
            if (after == default)
            {
                _made.Remove((record, node));
            }
            else
            {
                _made[(record, node)] = after;
            }

            foreach (Reading reading in _open.Where(r => r.Node == node))
            {
                reading.Saw(record, Math.Max(before.Count, after.Count));
            }
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

    /// <summary>
    /// What a node says of its count was so at some moment between the question and the answer. At none of them did it count more of this
    /// client's attempts than were counted here: the most of that time is what it may have counted.
    /// </summary>
    internal sealed class Reading(AttemptLedger ledger, NodeId node) : IDisposable
    {
        private readonly Dictionary<RecordId, int> _most = [];

        internal NodeId Node => node;

        /// <summary>The most that the node can have counted since this began.</summary>
        internal int Most(RecordId record)
        {
            lock (ledger._counting)
            {
                return Math.Max(_most.GetValueOrDefault(record), ledger._made.GetValueOrDefault((record, node)).Count);
            }
        }

        public void Dispose()
        {
            lock (ledger._counting)
            {
                ledger._open.Remove(this);
            }
        }

        /// <summary>Under the ledger's lock.</summary>
        internal void Saw(RecordId record, int count) => _most[record] = Math.Max(_most.GetValueOrDefault(record), count);
    }

    /// <summary>Attempts of this client.</summary>
    /// <param name="UnderWay">Whose calls have not ended.</param>
    /// <param name="Ended">Whose calls have, since the last Confirm.</param>
    private readonly record struct Own(int UnderWay, int Ended)
    {
        internal int Count => UnderWay + Ended;
    }
}
