using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.Protocol;

namespace Custodian.Cli.Reporting;

/// <summary>What a recovery has found out about the nodes and about other people's attempts.</summary>
internal static class RecoveryReport
{
    /// <summary>Warns of others' attempts, and of a change that was interrupted.</summary>
    internal static void Warn(Reporter reporter, RecordSummary record, IReadOnlyDictionary<NodeId, int> foreign, bool isOlder)
    {
        ForeignAttempts.Warn(reporter, foreign, record.Threshold);
        if (isOlder)
        {
            reporter.Warn("a change of the secret was interrupted, and this was the old one", "run custody change-secret again");
        }
    }

    /// <summary>Names the nodes that were late, and warns of those that answered falsely.</summary>
    /// <param name="reporter">Who speaks.</param>
    /// <param name="settlement">Null when it has not come in time.</param>
    internal static void Settled(Reporter reporter, SettlementReport? settlement)
    {
        if (settlement is null)
        {
            reporter.Warn("some nodes are slow and may not have given the attempt back", "custody check does it later");
            return;
        }

        foreach ((NodeId node, NodeOutcome outcome) in settlement.Nodes.OrderBy(n => n.Key))
        {
            Say(reporter, node, outcome, settlement.Faulty.Contains(node));
        }

        reporter.Step($"{Wording.Count(settlement.Confirmed.Length, "node")} gave the attempt back");
        if (!settlement.IsHeld)
        {
            reporter.Warn(
                "too few nodes still hold the record: it was deleted, or its enrolment was undone, on another device meanwhile",
                "keep the key you have and enroll it again; where a node refuses that, custody delete --owner-key FILE makes room");
        }
    }

    /// <summary>The members that recover and check share.</summary>
    internal static JsonObject ToJson(
        RecordSummary record, IReadOnlyDictionary<NodeId, int> foreign, bool isOlder, SettlementReport? settlement)
    {
        JsonObject members = RecordReport.ToJson(record);
        members["older_record"] = isOlder;
        members["foreign_attempts"] = ForeignAttempts.ToJson(foreign);
        members["settled"] = settlement is not null;
        if (settlement is not null)
        {
            members["confirmed"] = RecordReport.Names(settlement.Confirmed);
            members["faulty"] = RecordReport.Names(settlement.Faulty);
            members["held"] = settlement.IsHeld;
            members["retired"] = RecordReport.Names(settlement.Retired);
            members["nodes"] = Reporter.ToJson(NodeReport.Lines(settlement.Nodes));
        }

        return members;
    }

    private static void Say(Reporter reporter, NodeId node, NodeOutcome outcome, bool isFaulty)
    {
        if (isFaulty)
        {
            reporter.Warn($"{node} answered falsely ({outcome})", "it is broken or lies, and was left out; tell whoever runs it");
        }
        else if (outcome.Condition != NodeCondition.Answered)
        {
            reporter.Step($"{node}: {outcome}");
        }
    }
}
