using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.Protocol;

namespace Custodian.Cli.Reporting;

/// <summary>What the nodes hold of a user.</summary>
internal static class AccountReport
{
    /// <summary>For people: the record in two lines, then a line per node.</summary>
    internal static string Text(AccountDescription account, CustodianSet set)
    {
        RecordSummary record = account.Record!;
        StringBuilder text = new();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"a key is enrolled in {set.Id} since {RecordReport.Created(record)}: any {record.Threshold} of {record.Participants.Length} nodes give it back");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Attempts(account)}");
        foreach (CustodianNode node in set.Nodes)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {node.Id} ({node.Region}): {AtNode(account, node.Id)}");
        }

        if (!account.OtherRecords.IsEmpty)
        {
            text.AppendLine("a change of the secret was interrupted: the old one may still work, and custody check with either completes it");
        }

        return text.ToString();
    }

    /// <summary>For scripts.</summary>
    internal static JsonObject ToJson(AccountDescription account, CustodianSet set)
    {
        JsonObject members = RecordReport.ToJson(account.Record!);
        members["set_id"] = set.Id.Value;
        members["attempts_left"] = account.AttemptsLeft;
        members["retry_after_seconds"] = account.Delay is { } wait ? (long)Math.Ceiling(wait.TotalSeconds) : null;
        members["exhausted"] = account.Delay is null;
        members["foreign_attempts"] = ForeignAttempts.ToJson(account.ForeignAttempts);
        members["other_records"] = new JsonArray([.. account.OtherRecords.Select(r => (JsonNode)RecordReport.ToJson(r))]);
        members["nodes"] = NodesToJson(account);
        return members;
    }

    private static string Attempts(AccountDescription account) => account.Delay switch
    {
        null => "no attempt is left: it is locked until its owner key replaces it",
        { } wait when wait > TimeSpan.Zero =>
            $"{Wording.Count(account.AttemptsLeft, "attempt")} left, the next in {Wording.Duration(wait)}",
        _ => $"{account.AttemptsLeft} of {Wording.Count(account.Record!.MaxAttempts, "attempt")} left",
    };

    private static string AtNode(AccountDescription account, NodeId node)
    {
        NodeOutcome outcome = account.Nodes[node];
        if (outcome.Condition != NodeCondition.Answered || !account.AtNodes.TryGetValue(node, out ImmutableArray<RecordAtNode> records))
        {
            return outcome.Explanation;
        }

        return records.IsEmpty
            ? "holds nothing"
            : string.Join("; ", records.Select(r => $"{NodeReport.Name(r.State)}, {Wording.Count(r.AttemptsLeft, "attempt")} left"));
    }

    private static JsonObject NodesToJson(AccountDescription account)
    {
        JsonObject nodes = Reporter.ToJson(NodeReport.Lines(account.Nodes));
        foreach ((NodeId node, ImmutableArray<RecordAtNode> records) in account.AtNodes)
        {
            nodes[node.Value]!["records"] = new JsonArray([.. records.Select(r => (JsonNode)new JsonObject
            {
                ["record_id"] = r.Record.Id.ToString(),
                ["generation"] = r.Record.Generation,
                ["state"] = NodeReport.Name(r.State),
                ["attempts_left"] = r.AttemptsLeft,
                ["retry_after_seconds"] = (long)Math.Ceiling(r.Delay.TotalSeconds),
            })]);
        }

        return nodes;
    }
}
