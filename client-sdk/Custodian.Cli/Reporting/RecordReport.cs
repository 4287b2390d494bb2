using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.Protocol;

namespace Custodian.Cli.Reporting;

/// <summary>Records and enrolments, for scripts and for people.</summary>
internal static class RecordReport
{
    /// <summary>What a record's header says, for scripts.</summary>
    internal static JsonObject ToJson(RecordSummary record) => new()
    {
        ["record_id"] = record.Id.ToString(),
        ["generation"] = record.Generation,
        ["created"] = record.Created?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["threshold"] = record.Threshold,
        ["max_attempts"] = record.MaxAttempts,
        ["participants"] = Names(record.Participants),
    };

    /// <summary>The names of some nodes, for scripts.</summary>
    internal static JsonArray Names(IEnumerable<NodeId> nodes) => new([.. nodes.Order().Select(n => (JsonNode)n.Value)]);

    /// <summary>When a record was made, in this device's time zone.</summary>
    internal static string Created(RecordSummary record) =>
        record.Created?.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) ?? "at an unknown time";

    /// <summary>Reports a new record, and warns of what it has not reached.</summary>
    /// <param name="reporter">Who speaks.</param>
    /// <param name="enrolled">The new record.</param>
    /// <param name="first">The first line of the result, for people.</param>
    /// <param name="ownerKeyFile">Where the owner key was written; null for nowhere.</param>
    internal static void Enrolled(Reporter reporter, EnrollResult enrolled, string first, string? ownerKeyFile)
    {
        WarnOfGaps(reporter, enrolled);
        RecordSummary record = enrolled.Record;
        JsonObject members = ToJson(record);
        members["stored"] = Names(enrolled.Stored);
        members["active"] = Names(enrolled.Active);
        members["still_holding_old"] = Names(enrolled.StillHoldingOld);
        members["in_effect"] = enrolled.IsInEffect;
        members["complete"] = enrolled.IsComplete;
        members["owner_key_file"] = ownerKeyFile;
        members["nodes"] = Reporter.ToJson(NodeReport.Lines(enrolled.Nodes));
        string owner = ownerKeyFile is null ? "" : $"the owner key is in {ownerKeyFile}; it can replace or delete the record without the secret\n";
        reporter.Result(
            members,
            $"{first}: any {record.Threshold} of {Wording.Count(record.Participants.Length, "node")} and your secret give the key back, "
            + $"and {Wording.Count(record.MaxAttempts, "wrong secret")} in a row lock it\n{owner}");
    }

    private static void WarnOfGaps(Reporter reporter, EnrollResult enrolled)
    {
        ImmutableArray<NodeId> missing = [.. enrolled.Record.Participants.Except(enrolled.Stored)];
        if (!missing.IsEmpty)
        {
            reporter.Warn($"not stored at {NodeReport.Join(missing)}", "a new secret (custody change-secret) is stored at all nodes that answer then");
        }

        if (!enrolled.IsInEffect)
        {
            reporter.Warn(
                "the record is stored and takes effect with the next recovery",
                "run custody check with the new secret as soon as the nodes answer");
        }

        ImmutableArray<NodeId> later = [.. enrolled.Stored.Except(enrolled.Active)];
        if (!later.IsEmpty)
        {
            reporter.Warn($"stored but not yet in effect at {NodeReport.Join(later)}", "the next recovery or custody check completes it");
        }

        if (!enrolled.StillHoldingOld.IsEmpty)
        {
            reporter.Warn(
                $"what was replaced is still kept at {NodeReport.Join(enrolled.StillHoldingOld)}",
                "the old secret may still work until a custody check has reached them");
        }
    }
}
