using System.Collections.Immutable;
using System.Collections.ObjectModel;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>A record that was enrolled. Dispose it when the owner key is kept or not wanted.</summary>
public sealed class EnrollResult : IDisposable
{
    internal EnrollResult(SecretBytes ownerKey) => OwnerKey = ownerKey;

    /// <summary>What the new record's header says.</summary>
    public required RecordSummary Record { get; init; }

    /// <summary>
    /// The owner key, 32 bytes, which can replace or delete the record without the user's secret: to keep in the device's key store, or to
    /// drop. It gives nobody a guess. Zeroed with this result.
    /// </summary>
    public SecretBytes OwnerKey { get; }

    /// <summary>The nodes where the record is in effect. The others that stored it put it into effect at the next recovery.</summary>
    public required ImmutableArray<NodeId> Active { get; init; }

    /// <summary>The nodes that stored the record.</summary>
    public required ImmutableArray<NodeId> Stored { get; init; }

    /// <summary>How each node fared at the last step it was asked for.</summary>
    public required IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; init; }

    /// <summary>
    /// Nodes that still hold what the new record replaced: those could not be reached, or too few have the new record in effect for the
    /// old one to be given up. The old secret recovers as long as threshold such nodes are left.
    /// </summary>
    public required ImmutableArray<NodeId> StillHoldingOld { get; init; }

    /// <summary>
    /// After <see cref="CustodianClient.ChangeSecretAsync"/>: attempts at the record that it replaced that this client did not make, as
    /// <see cref="RecoverResult.ForeignAttempts"/>. Else empty.
    /// </summary>
    public IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; internal set; } = ReadOnlyDictionary<NodeId, int>.Empty;

    /// <summary>
    /// Whether threshold nodes have the record in effect. If not, it is stored all the same, the secret recovers it, and the next recovery
    /// puts it into effect; until then the secret of a record that it replaces recovers too, and another device's enrolment may displace it.
    /// </summary>
    public bool IsInEffect => Active.Length >= Record.Threshold;

    /// <summary>Whether every node of the record has it in effect and nothing older is left.</summary>
    public bool IsComplete => Active.Length == Record.Participants.Length && StillHoldingOld.IsEmpty;

    /// <summary>Zeroes the owner key.</summary>
    public void Dispose() => OwnerKey.Dispose();
}
