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
        Succession succession = new(held);
        HeldRecord? chosen = held
            .OrderByDescending(r => r.IsActiveSomewhere)
            .ThenByDescending(r => r.Header.Generation)
            .ThenBy(r => Convert.ToHexString(r.Header.Hash.Span), StringComparer.Ordinal)
            .FirstOrDefault(candidate => held.Where(older => IsOlder(older, candidate)).All(older => succession.Replaces(candidate, older)));
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
    /// theirs up. When two headers are held under one record_id, nobody can tell who did. To be asked once every node has had its say.
    /// </summary>
    internal static ImmutableArray<NodeId> Contradicting(IReadOnlyCollection<NodeView> views)
    {
        HeldRecord[] single = [.. Held(views).GroupBy(r => r.Header.RecordId).Where(g => g.Count() == 1).SelectMany(g => g)];
        return [.. views
            .Where(v => v.Live.Any(s => single.Any(r => r.Header.RecordId == s.Record && !r.Header.IsSameAs(s.Header))))
            .Select(v => v.Node)];
    }

    private static bool IsOlder(HeldRecord older, HeldRecord candidate) => older.Header.Generation < candidate.Header.Generation;
}
