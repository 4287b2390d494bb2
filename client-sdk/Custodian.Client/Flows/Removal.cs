using System.Collections.Immutable;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client;

/// <summary>
/// Delete: every record of the user at every node, each under an owner key that is known (protocol.md section 11). Deleting the ACTIVE
/// record takes every other record of the account at that node with it.
/// </summary>
internal sealed class Removal(Operation operation, AccountView view, OwnerKeyRing owners)
{
    internal async Task<DeleteResult> RunAsync(CancellationToken cancellation)
    {
        ImmutableArray<NodeId> nodes = [.. operation.Set.Nodes.Select(n => n.Id)];
        StageProgress stage = new(operation.Progress, CustodyStage.Deleting, nodes.Length);
        NodeOutcome[] outcomes = await Task.WhenAll(nodes.Select(n => RemoveAsync(n, stage, cancellation))).ConfigureAwait(false);
        return new DeleteResult
        {
            Empty = [.. nodes.Where((_, i) => outcomes[i].Condition == NodeCondition.Answered)],
            Remaining = [.. nodes.Where((_, i) => outcomes[i].Condition != NodeCondition.Answered)],
            Nodes = nodes.Select((n, i) => KeyValuePair.Create(n, outcomes[i])).ToImmutableDictionary(),
        };
    }

    private async Task<NodeOutcome> RemoveAsync(NodeId node, StageProgress stage, CancellationToken cancellation)
    {
        NodeOutcome outcome = view.At(node) is { } shown
            ? await RemoveAsync(shown, cancellation).ConfigureAwait(false)
            : view.Outcomes[node];
        stage.Done(node, outcome);
        return outcome;
    }

    private async Task<NodeOutcome> RemoveAsync(NodeView shown, CancellationToken cancellation)
    {
        // The ACTIVE record first: one call is then enough, and whatever ends it half-way leaves no state that a recovery cannot read.
        bool isEmptied = false;
        NodeOutcome outcome = NodeOutcome.Answered;
        foreach (Sighting record in shown.Live.OrderBy(s => s.State != WireState.Active))
        {
            if (isEmptied)
            {
                break;
            }

            NodeOutcome removed = await RemoveAsync(record, cancellation).ConfigureAwait(false);
            isEmptied = removed.Condition == NodeCondition.Answered && record.State == WireState.Active;
            outcome = removed.Condition == NodeCondition.Answered ? outcome : removed;
        }

        return isEmptied ? NodeOutcome.Answered : outcome;
    }

    private async Task<NodeOutcome> RemoveAsync(Sighting record, CancellationToken cancellation)
    {
        if (owners.Find(record.Header) is not { } owner)
        {
            return NodeOutcome.NotAsked($"holds a record of generation {record.Header.Generation} whose owner key is not known");
        }

        Reply<DeleteResponse> reply = await operation
            .DeleteAsync(record.Node, record.Header, record.State, owner, cancellation)
            .ConfigureAwait(false);
        return reply.Outcome;
    }
}
