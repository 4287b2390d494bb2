using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What the nodes hold of a user.</summary>
public sealed record AccountDescription
{
    /// <summary>The record that a recovery would use; null when no record is shown by a threshold of its nodes.</summary>
    public RecordSummary? Record { get; init; }

    /// <summary>
    /// Why there is no record, as a recovery would say it: <see cref="RecordNotFoundException"/>, <see cref="TooFewNodesException"/> or
    /// <see cref="TokenRejectedException"/>. Null when there is one.
    /// </summary>
    public CustodyException? Absence { get; init; }

    /// <summary>How many attempts the record has left, as the threshold-th highest count over its nodes says; 0 without a record.</summary>
    public int AttemptsLeft { get; init; }

    /// <summary>How long until a threshold of nodes takes an attempt; zero for now, null when exhausted or without a record.</summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>Other records that a recovery would fall back to, newest first: left by a change that was interrupted.</summary>
    public required ImmutableArray<RecordSummary> OtherRecords { get; init; }

    /// <summary>What each node that answered shows.</summary>
    public required IReadOnlyDictionary<NodeId, ImmutableArray<RecordAtNode>> AtNodes { get; init; }

    /// <summary>How each node fared.</summary>
    public required IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; init; }

    /// <summary>
    /// Attempts at the record, since the last recovery, that this client did not make; only nodes with some. Someone else was guessing, or
    /// it was the user on another device.
    /// </summary>
    public required IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; init; }
}
