using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What a deletion left.</summary>
public sealed record DeleteResult
{
    /// <summary>Nodes that hold nothing of the user any more.</summary>
    public required ImmutableArray<NodeId> Empty { get; init; }

    /// <summary>Nodes that may still hold something. Fewer than threshold of them say nothing about the key, whoever has them.</summary>
    public required ImmutableArray<NodeId> Remaining { get; init; }

    /// <summary>How each node fared.</summary>
    public required IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; init; }

    /// <summary>Whether nothing is left anywhere.</summary>
    public bool IsComplete => Remaining.IsEmpty;
}
