using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What the nodes show of the account, without those found faulty, and the record that follows from it. Immutable.</summary>
internal sealed record AccountView
{
    internal required ImmutableArray<NodeView> Nodes { get; init; }

    internal required RecordChoice Choice { get; init; }

    internal required GenerationChoice Generation { get; init; }

    /// <summary>How each node of the set fared.</summary>
    internal required ImmutableDictionary<NodeId, NodeOutcome> Outcomes { get; init; }

    internal static AccountView Of(Operation operation, ImmutableArray<NodeView> views, OutcomeTable outcomes)
    {
        foreach (NodeId node in RecordChoice.Contradicting(views))
        {
            outcomes.Set(node, NodeOutcome.Faulty("it shows another header than the others for the same record"));
        }

        GenerationChoice generation = GenerationChoice.Choose([.. views.Select(v => (v.Node, v.HighestClaim))], operation.Set.Threshold);
        foreach (NodeId node in views.Length >= operation.Set.Threshold ? generation.Faulty : [])
        {
            outcomes.Set(node, NodeOutcome.Faulty("it claims a generation far above the others'"));
        }

        ImmutableArray<NodeView> honest = [.. views.Where(v => outcomes[v.Node].Condition == NodeCondition.Answered)];
        return new AccountView
        {
            Nodes = honest,
            Choice = RecordChoice.Choose(honest),
            Generation = generation,
            Outcomes = operation.Set.Nodes.ToImmutableDictionary(n => n.Id, n => outcomes[n.Id]),
        };
    }

    /// <summary>What a node shows; null when it has not answered or is faulty.</summary>
    internal NodeView? At(NodeId node) => Nodes.FirstOrDefault(v => v.Node == node);

    /// <summary>
    /// Whether nodes that have not answered could not change which record is used: it has attempts free at a threshold of nodes, and no
    /// record that is shown but not held could still turn out to be held.
    /// </summary>
    internal bool IsSettled() =>
        Choice.Chosen is { } chosen
        && chosen.Free >= chosen.Header.Threshold
        && RecordChoice.Shown(Nodes).All(r => r.Sightings.Length >= r.Header.Threshold || !CouldBeHeld(r));

    /// <summary>Whether a record could be held, if every participant that gave no view of itself held it.</summary>
    internal bool CouldBeHeld(HeldRecord record) =>
        record.Sightings.Length + record.Header.Participants.Count(p => IsSilent(p.Node)) >= record.Header.Threshold;

    /// <summary>Whether a node has said nothing that counts.</summary>
    internal bool IsSilent(NodeId node) => Outcomes.GetValueOrDefault(node)?.Condition is not NodeCondition.Answered;
}
