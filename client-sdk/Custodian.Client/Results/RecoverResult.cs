using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>A private key that was recovered. Dispose it after use: that zeroes key and owner key.</summary>
public sealed class RecoverResult : IDisposable
{
    private readonly ImmutableArray<FormerOwnerKey> _formerOwners;

    internal RecoverResult(Recovered recovered)
    {
        PrivateKey = new SecretBytes(recovered.Payload.Secret);
        OwnerKey = new SecretBytes(recovered.OwnerKey.Span);
        _formerOwners = [.. recovered.Payload.FormerOwners.Select(f => new FormerOwnerKey(f.Record, f.PrivateKey))];
        Header = recovered.Header;
        Settlement = recovered.Settlement;
        Label = recovered.Payload.Label;
        ContentType = recovered.Payload.ContentType;
        Record = RecordSummary.Of(recovered.Header);
        IsOlderRecord = recovered.IsOlderRecord;
        Nodes = recovered.Nodes;
        ForeignAttempts = recovered.ForeignAttempts;
    }

    /// <summary>The private key, as it was enrolled.</summary>
    public SecretBytes PrivateKey { get; }

    /// <summary>The owner key, 32 bytes: see <see cref="EnrollResult.OwnerKey"/>.</summary>
    public SecretBytes OwnerKey { get; }

    /// <summary>The user's name for the key.</summary>
    public string Label { get; }

    /// <summary>A media type that says how to read the key.</summary>
    public string ContentType { get; }

    /// <summary>What the record's header says.</summary>
    public RecordSummary Record { get; }

    /// <summary>Whether the secret was that of an older record: a change of the secret was interrupted, and should be made again.</summary>
    public bool IsOlderRecord { get; }

    /// <summary>How each node had fared when the key was recovered; <see cref="Settlement"/> knows about the slower ones.</summary>
    public IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; }

    /// <summary>
    /// Attempts at the record, since the last recovery, that this client did not make; only nodes with some. Someone else was guessing, or
    /// it was the user on another device. The confirmations now erase the count. <see cref="SettlementReport.ForeignAttempts"/> has those of slower
    /// nodes too.
    /// </summary>
    public IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; }

    /// <summary>
    /// What goes on after the key is there: the answers still to come, faulty nodes found late, the confirmations that give the attempts
    /// back, and the removal of what an interrupted change has left. Never fails; a caller may await it, and a process that ends before
    /// leaves attempts used up until the next recovery.
    /// </summary>
    public Task<SettlementReport> Settlement { get; }

    internal Header Header { get; }

    /// <summary>Zeroes the private key and the owner key. The settlement goes on.</summary>
    public void Dispose()
    {
        PrivateKey.Dispose();
        OwnerKey.Dispose();
        foreach (FormerOwnerKey former in _formerOwners)
        {
            former.Dispose();
        }
    }

    /// <summary>The keys that can sign for a change of the record, as copies.</summary>
    internal OwnerKeyRing Owners() => OwnerKeyRing.Of(Header, OwnerKey, _formerOwners);
}
