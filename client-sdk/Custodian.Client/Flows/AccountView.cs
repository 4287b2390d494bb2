using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// What the nodes show of the account, without those whose answer was found faulty by itself, and the record that follows from it. Immutable.
/// </summary>
internal sealed record AccountView
{
    internal required ImmutableArray<NodeView> Nodes { get; init; }

    internal required RecordChoice Choice { get; init; }

    internal required GenerationChoice Generation { get; init; }

    private static NodeOutcome AnotherHeader => NodeOutcome.Faulty("it shows another header than the others for the same record");

    private static NodeOutcome FarAbove => NodeOutcome.Faulty("it claims a generation far above the others'");

    /// <summary>The set's lowest threshold: fewer silent nodes than that hide no record.</summary>
    internal required int MinThreshold { get; init; }

    /// <summary>How each node of the set fared.</summary>
    internal required ImmutableDictionary<NodeId, NodeOutcome> Outcomes { get; init; }

    /// <summary>Reads what has come so far. Pure: nobody is judged by what the others show, as long as others may still show something.</summary>
    internal static AccountView Of(CustodianSet set, IReadOnlyDictionary<NodeId, NodeView> views, OutcomeTable outcomes)
    {
        var fared = set.Nodes.ToImmutableDictionary(n => n.Id, n => outcomes[n.Id]);
        ImmutableArray<NodeView> answered =
            [.. views.Values.Where(v => fared[v.Node].Condition == NodeCondition.Answered).OrderBy(v => v.Node)];
        return new AccountView
        {
            Nodes = answered,
            Choice = RecordChoice.Choose(answered),
            Generation = GenerationChoice.Choose([.. answered.Select(v => (v.Node, v.HighestClaim))], set.Threshold),
            MinThreshold = set.MinThreshold,
            Outcomes = fared,
        };
    }

    /// <summary>
    /// The same, once every node has answered or failed, with those named faulty that the others' answers prove wrong. What they show still
    /// stands in <see cref="Nodes"/>: a recovery or a deletion loses nothing by believing more than it must, and an honest node that liars
    /// outvote would be lost to it.
    /// </summary>
    internal AccountView Judged()
    {
        var outcomes = Outcomes.SetItems(RecordChoice.Contradicting(Nodes).Select(n => KeyValuePair.Create(n, AnotherHeader)));
        bool allSpoke = Nodes.Length == Outcomes.Count;
        return this with
        {
            Outcomes = allSpoke ? outcomes.SetItems(Generation.Faulty.Select(n => KeyValuePair.Create(n, FarAbove))) : outcomes,
        };
    }

    /// <summary>What a node shows; null when it has not answered, or its answer was faulty by itself.</summary>
    internal NodeView? At(NodeId node) => Nodes.FirstOrDefault(v => v.Node == node);

    /// <summary>
    /// Whether nodes that have not answered could change nothing that matters: neither which record is used, or that there is none, nor
    /// whether an attempt can be made now.
    /// </summary>
    internal bool IsSettled() => !CouldHideARecord() && (Choice.Chosen is null || IsUsable());

    /// <summary>
    /// Whether there is a record to try, of which nodes that have not answered could change nothing but that a newer one replaced it that
    /// nobody has shown.
    /// </summary>
    internal bool IsUsable() =>
        Choice.Chosen is { } chosen
        && !RecordChoice.Shown(Nodes).Any(IsInDoubt)
        && (chosen.CanBeTried || chosen.Free + Silent(chosen.Header) < chosen.Header.Threshold);

    /// <summary>
    /// Whether nodes that have not answered, retired ones included, could hold a record that is not known to be held: the newest, even. Fewer
    /// of them than the set's lowest threshold can hold none by themselves.
    /// </summary>
    internal bool CouldHideARecord() =>
        Outcomes.Keys.Count(IsSilent) >= MinThreshold
        || RecordChoice.Shown(Nodes).Any(IsInDoubt);

    /// <summary>How many of a record's participants have said nothing that counts.</summary>
    internal int Silent(Header header) => header.Participants.Count(p => IsSilent(p.Node));

    /// <summary>Whether a record could be held, if every participant that gave no view of itself held it.</summary>
    internal bool CouldBeHeld(HeldRecord record) =>
        record.Sightings.Length + Silent(record.Header) >= record.Header.Threshold;

    /// <summary>Whether a node has said nothing that counts.</summary>
    internal bool IsSilent(NodeId node) => Outcomes.GetValueOrDefault(node)?.Condition is not NodeCondition.Answered;

    private bool IsInDoubt(HeldRecord record) => record.Sightings.Length < record.Header.Threshold && CouldBeHeld(record);
}
