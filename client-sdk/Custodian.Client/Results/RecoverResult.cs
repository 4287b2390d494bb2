using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>A private key that was recovered. Dispose it after use: that zeroes key and owner key.</summary>
public sealed class RecoverResult : IDisposable
{
    internal RecoverResult(SecretBytes privateKey, SecretBytes ownerKey, Task<SettlementReport> settlement) =>
        (PrivateKey, OwnerKey, Settlement) = (privateKey, ownerKey, settlement);

    /// <summary>The private key, as it was enrolled.</summary>
    public SecretBytes PrivateKey { get; }

    /// <summary>The owner key, 32 bytes: see <see cref="EnrollResult.OwnerKey"/>.</summary>
    public SecretBytes OwnerKey { get; }

    /// <summary>The user's name for the key.</summary>
    public required string Label { get; init; }

    /// <summary>A media type that says how to read the key.</summary>
    public required string ContentType { get; init; }

    /// <summary>What the record's header says.</summary>
    public required RecordSummary Record { get; init; }

    /// <summary>Whether the secret was that of an older record: a change of the secret was interrupted, and should be made again.</summary>
    public required bool IsOlderRecord { get; init; }

    /// <summary>How each node had fared when the key was recovered; <see cref="Settlement"/> knows about the slower ones.</summary>
    public required IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; init; }

    /// <summary>
    /// Attempts at the record, since the last recovery, that this client did not make; only nodes with some. Someone else was guessing, or
    /// it was the user on another device. The confirmations now erase the count.
    /// </summary>
    public required IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; init; }

    /// <summary>
    /// What goes on after the key is there: the answers still to come, faulty nodes found late, the confirmations that give the attempts
    /// back, and the removal of what an interrupted change has left. Never fails; a caller may await it, and a process that ends before
    /// leaves attempts used up until the next recovery.
    /// </summary>
    public Task<SettlementReport> Settlement { get; }

    /// <summary>Zeroes the private key and the owner key. The settlement goes on.</summary>
    public void Dispose()
    {
        PrivateKey.Dispose();
        OwnerKey.Dispose();
    }
}
