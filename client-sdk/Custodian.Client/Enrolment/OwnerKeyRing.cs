using System.Collections.Immutable;
using Custodian.Protocol;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client;

/// <summary>
/// The owner keys that a change can sign with: that of the record it replaces, and those of earlier ones, for nodes that missed a
/// generation (protocol.md section 8). Zeroed on dispose.
/// </summary>
internal sealed class OwnerKeyRing : IDisposable
{
    private readonly ImmutableArray<(FormerOwnerKey Key, SigningKey Signing)> _keys;

    private OwnerKeyRing(Header? replaced, ImmutableArray<FormerOwnerKey> keys)
    {
        Replaced = replaced;
        _keys = [.. keys.Select(k => (k, SigningKey.Create(k.PrivateKey)))];
    }

    /// <summary>The record that the change replaces; null for a first enrolment.</summary>
    internal Header? Replaced { get; }

    /// <summary>For a first enrolment: no keys.</summary>
    internal static OwnerKeyRing None() => new(null, []);

    /// <summary>For a change of the record whose owner key is at hand.</summary>
    /// <param name="replaced">The record.</param>
    /// <param name="ownerKey">Its owner key, 32 bytes.</param>
    /// <param name="former">Those that the record's envelope carried; they are copied.</param>
    internal static OwnerKeyRing Of(Header replaced, SecretBytes ownerKey, IEnumerable<FormerOwnerKey> former) => new(
        replaced,
        [new FormerOwnerKey(replaced.RecordId, ownerKey.Span), .. former.Select(f => new FormerOwnerKey(f.Record, f.PrivateKey))]);

    /// <summary>
    /// The record at a node whose owner key can sign there, and that key: the replaced record before older ones. Null when the node holds
    /// no ACTIVE or SUPERSEDED record with a known key.
    /// </summary>
    internal (Sighting Record, SigningKey Key)? For(NodeView? node)
    {
        foreach ((FormerOwnerKey key, SigningKey signing) in _keys)
        {
            Sighting? sighting = node?.Find(key.Record);
            if (sighting is { State: not WireState.Pending } && Owns(signing, sighting.Header))
            {
                return (sighting, signing);
            }
        }

        return null;
    }

    /// <summary>
    /// What the new record's envelope carries: the keys of records that some node of the set still shows or, having given no answer, may
    /// hold; newest first, at most 8. The caller disposes them.
    /// </summary>
    internal ImmutableArray<FormerOwnerKey> ToCarry(AccountView view, CustodianSet set)
    {
        bool allSpoke = set.Nodes.All(n => !view.IsSilent(n.Id));
        return [.. _keys
            .Where(k => !allSpoke || view.Nodes.Any(n => n.Find(k.Key.Record) is not null))
            .Take(Limits.MaxFormerOwners)
            .Select(k => new FormerOwnerKey(k.Key.Record, k.Key.PrivateKey))];
    }

    /// <summary>The key of one record, if it is known.</summary>
    internal SigningKey? Find(Header header) =>
        _keys.FirstOrDefault(k => k.Key.Record == header.RecordId && Owns(k.Signing, header)).Signing;

    /// <summary>
    /// Puts the replaced record into effect where an interrupted change left it PENDING: only there can its owner key sign for the next. A
    /// crash in here leaves what the interrupted change would have made.
    /// </summary>
    /// <returns>Whether there was such a node, so that what the nodes show has changed.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task<bool> ActivateAsync(Operation operation, AccountView view, CancellationToken cancellation)
    {
        Header replaced = Replaced!;
        SigningKey owner = Find(replaced)!;
        NodeId[] pending = [.. view.Nodes.Where(n => n.Find(replaced.RecordId)?.State == WireState.Pending).Select(n => n.Node)];
        await Task.WhenAll(pending.Select(n => operation.ActivateAsync(n, replaced, owner, cancellation))).ConfigureAwait(false);
        return pending.Length > 0;
    }

    public void Dispose()
    {
        foreach ((FormerOwnerKey key, SigningKey signing) in _keys)
        {
            key.Dispose();
            signing.Dispose();
        }
    }

    private static bool Owns(SigningKey key, Header header) => key.PublicKey.SequenceEqual(header.OwnerPublicKey.Span);
}
