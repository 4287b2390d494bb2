using System.Collections.Immutable;
using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client;

/// <summary>A live record as one of its participants shows it.</summary>
internal sealed record Sighting
{
    internal required NodeId Node { get; init; }

    internal required Header Header { get; init; }

    internal required Wire.RecordState State { get; init; }

    internal int AttemptsRemaining { get; init; }

    /// <summary>How many of this client's own attempts the node may have counted when it said so.</summary>
    internal int OwnAttempts { get; init; }

    /// <summary>How long the next attempt has to wait; zero for none.</summary>
    internal TimeSpan Wait { get; init; }

    /// <summary>Empty when the record replaced none at this node.</summary>
    internal ReadOnlyMemory<byte> ReplaceSignature { get; init; }

    internal RecordId Record => Header.RecordId;

    /// <summary>How many attempts others made, at least.</summary>
    internal int Foreign => AttemptLedger.Foreign(Header, AttemptsRemaining, OwnAttempts);

    /// <summary>Whether an attempt made now would be evaluated.</summary>
    internal bool IsFree => AttemptsRemaining > 0 && Wait == TimeSpan.Zero;
}

/// <summary>What one node shows of the account, checked as far as it can be by itself.</summary>
/// <param name="Node">The client's own set entry.</param>
/// <param name="Live">The live records.</param>
/// <param name="HighestClaim">The highest generation it claims, tombstones included; 0 for none.</param>
internal sealed record NodeView(NodeId Node, ImmutableArray<Sighting> Live, ulong HighestClaim)
{
    internal Sighting? Find(RecordId record) => Live.FirstOrDefault(s => s.Record == record);

    internal Sighting? InState(Wire.RecordState state) => Live.FirstOrDefault(s => s.State == state);
}
