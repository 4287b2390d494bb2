using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// Which record to use (protocol.md section 14). Pure: what the nodes show in, the record out.
/// </summary>
/// <param name="Chosen">The record; null when none is held.</param>
/// <param name="Others">The other held records, newest first: a change may have been interrupted.</param>
internal sealed record RecordChoice(HeldRecord? Chosen, ImmutableArray<HeldRecord> Others)
{
    /// <summary>The chosen record, then the others.</summary>
    internal IEnumerable<HeldRecord> All => Chosen is null ? Others : Others.Prepend(Chosen);

    /// <summary>
    /// The record of the highest generation that is held, one that some participant reports ACTIVE before one that none does; but not over
    /// an older one that is held too, unless that one's owner let it be replaced.
    /// </summary>
    internal static RecordChoice Choose(IReadOnlyCollection<NodeView> views)
    {
        ImmutableArray<HeldRecord> held = Held(views);
        HeldRecord? chosen = held
            .OrderByDescending(r => r.IsActiveSomewhere)
            .ThenByDescending(r => r.Header.Generation)
            .ThenBy(r => Convert.ToHexString(r.Header.Hash.Span), StringComparer.Ordinal)
            .FirstOrDefault(candidate => held.Where(older => IsOlder(older, candidate)).All(older => Replaces(candidate, older, held)));
        return new RecordChoice(chosen, [.. held.Where(r => r != chosen).OrderByDescending(r => r.Header.Generation)]);
    }

    /// <summary>Every record that is held.</summary>
    internal static ImmutableArray<HeldRecord> Held(IReadOnlyCollection<NodeView> views) =>
        [.. Shown(views).Where(r => r.Sightings.Length >= r.Header.Threshold)];

    /// <summary>Every record that anyone shows, held or not; two headers under one record_id are two.</summary>
    internal static ImmutableArray<HeldRecord> Shown(IReadOnlyCollection<NodeView> views) =>
        [.. views.SelectMany(v => v.Live)
            .GroupBy(s => Convert.ToHexString(s.Header.Hash.Span))
            .Select(group => new HeldRecord(group.First().Header, [.. group]))];

    /// <summary>
    /// Nodes that show another header under the record_id of a record that is held: a client makes one header for a record, so these made
    /// theirs up.
    /// </summary>
    internal static ImmutableArray<NodeId> Contradicting(IReadOnlyCollection<NodeView> views)
    {
        ImmutableArray<HeldRecord> held = Held(views);
        return [.. views
            .Where(v => v.Live.Any(s => held.Any(r => r.Header.RecordId == s.Record && !r.Header.IsSameAs(s.Header))))
            .Select(v => v.Node)];
    }

    private static bool IsOlder(HeldRecord older, HeldRecord candidate) => older.Header.Generation < candidate.Header.Generation;

    /// <summary>
    /// Whether the older record's owner let <paramref name="candidate"/> take its place, directly or through records in between that are
    /// held too.
    /// </summary>
    private static bool Replaces(HeldRecord candidate, HeldRecord older, ImmutableArray<HeldRecord> held) =>
        IsSignedBy(candidate, older)
        || held.Any(between => IsOlder(between, candidate)
            && IsOlder(older, between)
            && IsSignedBy(candidate, between)
            && Replaces(between, older, held));

    private static bool IsSignedBy(HeldRecord candidate, HeldRecord older)
    {
        Header header = candidate.Header;
        byte[] body = SignatureBody.Replace(header.Hash.Span);
        return candidate.Sightings.Any(s => OwnerSignature.Verify(
            older.Header.OwnerPublicKey.Span,
            OwnerSignature.Message(SignaturePurpose.Replace, s.Node, header.AccountId, header.RecordId, body),
            s.ReplaceSignature.Span));
    }
}
