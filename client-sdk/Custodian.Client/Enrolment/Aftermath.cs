using System.Collections.Concurrent;
using System.Collections.Immutable;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client;

/// <summary>
/// The end of a change (protocol.md section 14): once enough nodes have the new record in effect, what it replaced is retired there, and
/// deleted under its own owner key at nodes that have no part in the new record. A crash in here leaves old records at some nodes; the
/// next recovery or change removes them.
/// </summary>
internal sealed class Aftermath(Operation operation, AccountView view, OwnerKeyRing owners, OutcomeTable outcomes)
{
    private readonly ConcurrentDictionary<NodeId, byte> _left = [];

    /// <summary>Removes what was replaced, and returns the nodes that may still hold some of it.</summary>
    /// <param name="record">The new record.</param>
    /// <param name="mayHold">Where it is stored, or may be: deleting the old record there would take the new one with it.</param>
    /// <param name="active">Where it is in effect.</param>
    internal async Task<ImmutableArray<NodeId>> RunAsync(NewRecord record, ImmutableArray<NodeId> mayHold, ImmutableArray<NodeId> active)
    {
        ImmutableArray<NodeId> holding = [.. operation.Set.Nodes.Select(n => n.Id).Where(MayHoldOld)];
        if (active.Length < Majority.ToRetire(record.Header.Participants.Length, record.Header.Threshold))
        {
            return holding;
        }

        StageProgress stage = new(operation.Progress, CustodyStage.Retiring, holding.Length);
        await Task.WhenAll(holding.Select(n => RemoveAsync(record, n, mayHold, active, stage))).ConfigureAwait(false);
        return [.. _left.Keys.Order()];
    }

    private bool MayHoldOld(NodeId node) =>
        view.At(node)?.Live.Any(s => s.State != WireState.Pending) ?? owners.Replaced?.TryGetIndex(node, out _) == true;

    private async Task RemoveAsync(
        NewRecord record, NodeId node, ImmutableArray<NodeId> mayHold, ImmutableArray<NodeId> active, StageProgress stage)
    {
        NodeOutcome outcome = active.Contains(node) ? await RetireAsync(record, node).ConfigureAwait(false)
            : mayHold.Contains(node) ? NodeOutcome.NotAsked("stored the new record or may have, and has not put it into effect; the next recovery does that")
            : await DeleteAsync(node).ConfigureAwait(false);
        if (outcome.Condition != NodeCondition.Answered)
        {
            _left.TryAdd(node, 0);
            outcomes.Set(node, outcome);
        }

        stage.Done(node, outcome);
    }

    private async Task<NodeOutcome> RetireAsync(NewRecord record, NodeId node)
    {
        foreach (Sighting old in view.At(node)!.Live.Where(s => s.State != WireState.Pending))
        {
            Reply<RetireResponse> reply = await operation
                .RetireAsync(node, old.Header, record.Keys.Owner, operation.Core.Closing)
                .ConfigureAwait(false);
            if (!reply.IsAnswer)
            {
                return reply.Outcome;
            }
        }

        return NodeOutcome.Answered;
    }

    /// <summary>Deleting the ACTIVE record takes every record of the account at the node with it.</summary>
    private async Task<NodeOutcome> DeleteAsync(NodeId node)
    {
        Sighting? active = view.At(node)?.InState(WireState.Active);
        Header? header = active?.Header ?? (view.At(node) is null ? owners.Replaced : null);
        if (header is null || owners.Find(header) is not { } owner)
        {
            return NodeOutcome.NotAsked("holds a record whose owner key is not known");
        }

        Reply<DeleteResponse> reply = await operation
            .DeleteAsync(node, header, WireState.Active, owner, operation.Core.Closing)
            .ConfigureAwait(false);
        return reply.Outcome;
    }
}
