using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client;

/// <summary>Checks a DescribeResponse (protocol.md sections 9 and 14): what fails makes the node faulty. Pure.</summary>
internal static class ViewReading
{
    /// <summary>
    /// A node cannot make a client wait longer than this by its word; no delay of section 11 is longer than a node's setting, a day by
    /// default.
    /// </summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(366);

    /// <summary>Reads what a node shows. False, with why, when the node is faulty.</summary>
    internal static bool TryRead(
        Wire.DescribeResponse response,
        NodeId node,
        CustodianSet set,
        AccountId account,
        [NotNullWhen(true)] out NodeView? view,
        [NotNullWhen(false)] out string? why)
    {
        var live = ImmutableArray.CreateBuilder<Sighting>();
        why = response.NodeId != node.Value ? "it calls itself by another node's name"
            : response.SetId != set.Id.Value ? "it answers for another set"
            : null;
        foreach (Wire.RecordStatus status in response.Records)
        {
            why ??= ReadRecord(status, node, set, account, live);
        }

        why ??= CheckTogether(live);
        view = why is null ? new NodeView(node, live.ToImmutable(), HighestClaim(response, live)) : null;
        return view is not null;
    }

    private static string? ReadRecord(
        Wire.RecordStatus status, NodeId node, CustodianSet set, AccountId account, ImmutableArray<Sighting>.Builder live)
    {
        if (status.State == Wire.RecordState.Destroyed && status.Header.IsEmpty)
        {
            return status.RecordId.Length == RecordId.Size ? null : "it shows a tombstone without a record_id";
        }

        if (status.State is not (Wire.RecordState.Pending or Wire.RecordState.Active or Wire.RecordState.Superseded))
        {
            return "it shows a live record in a state that is none";
        }

        if (!Header.TryParse(status.Header.Span, out Header? header, out FieldFault? fault))
        {
            return $"it shows a header that is refused: {fault}";
        }

        string? why = CheckHeader(header, status, node, set, account) ?? CheckAttempts(header, status);
        if (why is null)
        {
            live.Add(ToSighting(status, header, node));
        }

        return why;
    }

    private static Sighting ToSighting(Wire.RecordStatus status, Header header, NodeId node) => new()
    {
        Node = node,
        Header = header,
        State = status.State,
        AttemptsRemaining = (int)status.AttemptsRemaining,
        Wait = TimeSpan.FromMilliseconds(Math.Min(status.RetryAfterMs, (long)LongestWait.TotalMilliseconds)),
        ReplaceSignature = status.ReplaceSignature.Memory,
    };

    private static string? CheckHeader(Header header, Wire.RecordStatus status, NodeId node, CustodianSet set, AccountId account)
    {
        if (header.CheckFor(set.Id, account, null, node) is { } fault)
        {
            return $"it shows a header that is refused: {fault}";
        }

        return !status.RecordId.IsEmpty && !status.RecordId.Span.SequenceEqual(header.RecordId.ToArray()) ? "it shows a record_id that is not the header's"
            : header.Threshold < set.MinThreshold ? $"it shows a header with threshold {header.Threshold}, below the set's lowest"
            : header.Participants.Any(p => !set.TryGetNode(p.Node, out _)) ? "it shows a header that names a node outside the set"
            : status.Generation != 0 && status.Generation != header.Generation ? "it shows a generation that is not the header's"
            : null;
    }

    private static string? CheckAttempts(Header header, Wire.RecordStatus status)
    {
        long most = Math.Max(0, header.MaxAttempts - (long)status.AttemptsUsed);
        return status.AttemptsRemaining > most ? "it shows more attempts left than the record allows"
            : status.RetryAfterMs < 0 ? "it shows a negative delay"
            : null;
    }

    /// <summary>
    /// An account has at most one PENDING and one ACTIVE record, and a SUPERSEDED one only beside the ACTIVE one that replaced it
    /// (section 11).
    /// </summary>
    private static string? CheckTogether(ImmutableArray<Sighting>.Builder live)
    {
        int active = live.Count(s => s.State == Wire.RecordState.Active);
        return live.DistinctBy(s => s.Record).Count() != live.Count ? "it shows one record twice"
            : live.Count > Limits.MaxLiveRecords ? "it shows more live records than a node holds"
            : active > 1 ? "it shows two ACTIVE records"
            : live.Count(s => s.State == Wire.RecordState.Pending) > 1 ? "it shows two PENDING records"
            : active == 0 && live.Any(s => s.State == Wire.RecordState.Superseded) ? "it shows a SUPERSEDED record and none that replaced it"
            : null;
    }

    private static ulong HighestClaim(Wire.DescribeResponse response, IEnumerable<Sighting> live) =>
        response.Records.Select(r => r.Generation).Concat(live.Select(s => s.Header.Generation)).DefaultIfEmpty().Max();
}
