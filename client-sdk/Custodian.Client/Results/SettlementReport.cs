using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What happened after a recovery (protocol.md section 14).</summary>
public sealed record SettlementReport
{
    /// <summary>Nodes that have given the attempts back.</summary>
    public required ImmutableArray<NodeId> Confirmed { get; init; }

    /// <summary>Nodes whose answer fails a check or does not fit the others': broken, or lying.</summary>
    public required ImmutableArray<NodeId> Faulty { get; init; }

    /// <summary>Nodes where a record that an earlier change had replaced was now removed.</summary>
    public required ImmutableArray<NodeId> Retired { get; init; }

    /// <summary>
    /// Whether threshold nodes may still hold the record, as far as the nodes say. False when too many have let it go meanwhile: another
    /// device deleted it, or its enrolment failed there and was undone. Then it does not recover again: enrol the key anew. Where a node
    /// still has it in effect, a deletion with <see cref="RecoverResult.OwnerKey"/> makes room first.
    /// </summary>
    public required bool IsHeld { get; init; }

    /// <summary>
    /// Attempts that this client did not make, as <see cref="RecoverResult.ForeignAttempts"/>, with those of nodes that answered only after
    /// the key was there. They were read before the confirmation that erased them.
    /// </summary>
    public required IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; init; }

    /// <summary>How each node of the record fared in the end.</summary>
    public required IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; init; }
}
