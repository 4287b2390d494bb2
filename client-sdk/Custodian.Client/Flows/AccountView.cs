using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What the nodes show of the account, without those found faulty, and the record that follows from it. Immutable.</summary>
internal sealed record AccountView
{
    internal required ImmutableArray<NodeView> Nodes { get; init; }

    internal required RecordChoice Choice { get; init; }

    internal required GenerationChoice Generation { get; init; }

    /// <summary>The set's lowest threshold: fewer silent nodes than that hide no record.</summary>
    internal required int MinThreshold { get; init; }

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
            MinThreshold = operation.Set.MinThreshold,
            Outcomes = operation.Set.Nodes.ToImmutableDictionary(n => n.Id, n => outcomes[n.Id]),
        };
    }

    /// <summary>What a node shows; null when it has not answered or is faulty.</summary>
    internal NodeView? At(NodeId node) => Nodes.FirstOrDefault(v => v.Node == node);

    /// <summary>
    /// Whether nodes that have not answered could change nothing that matters: neither which record is used, or that there is none, nor
    /// whether an attempt can be made now.
    /// </summary>
    internal bool IsSettled() =>
        RecordChoice.Shown(Nodes).All(r => r.Sightings.Length >= r.Header.Threshold || !CouldBeHeld(r))
        && (Choice.Chosen is { } chosen
            ? chosen.Free >= chosen.Header.Threshold || chosen.Free + Silent(chosen.Header) < chosen.Header.Threshold
            : Outcomes.Keys.Count(IsSilent) < MinThreshold);

    /// <summary>Whether a record could be held, if every participant that gave no view of itself held it.</summary>
    internal bool CouldBeHeld(HeldRecord record) =>
        record.Sightings.Length + Silent(record.Header) >= record.Header.Threshold;

    /// <summary>Whether a node has said nothing that counts.</summary>
    internal bool IsSilent(NodeId node) => Outcomes.GetValueOrDefault(node)?.Condition is not NodeCondition.Answered;

    private int Silent(Header header) => header.Participants.Count(p => IsSilent(p.Node));
}
