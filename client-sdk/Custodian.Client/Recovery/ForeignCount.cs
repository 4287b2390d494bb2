using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Attempts at a record that this client did not make, by node (protocol.md section 14).</summary>
internal static class ForeignCount
{
    /// <summary>By what the nodes show. Nodes without such attempts are left out.</summary>
    internal static Dictionary<NodeId, int> Of(HeldRecord record) => Collect(record.Sightings.Select(s => (s.Node, s.Foreign)));

    /// <summary>By the newest that each node said during a try, before a Confirm erases it; each is logged.</summary>
    internal static Dictionary<NodeId, int> Of(ClientCore core, Trial trial)
    {
        Dictionary<NodeId, int> foreign = Collect(trial.Header.Participants.Select(p => (p.Node, At(trial, p.Node))));
        foreach ((NodeId node, int attempts) in foreign)
        {
            Warn(core, trial, node, attempts);
        }

        return foreign;
    }

    /// <summary>Brings the counts of a try up to date with a node's answer that came late, before the Confirm that follows it erases them.</summary>
    internal static void Update(Dictionary<NodeId, int> foreign, ClientCore core, Trial trial, NodeId late)
    {
        int attempts = At(trial, late);
        if (attempts == foreign.GetValueOrDefault(late))
        {
            return;
        }

        foreign.Remove(late);
        if (attempts > 0)
        {
            foreign.Add(late, attempts);
            Warn(core, trial, late, attempts);
        }
    }

    private static void Warn(ClientCore core, Trial trial, NodeId node, int attempts) =>
        Log.ForeignAttempts(core.Log, trial.Header.RecordId.ToString(), attempts, node.Value);

    private static int At(Trial trial, NodeId node)
    {
        NodeAnswer? answer = trial.Answers.FirstOrDefault(a => a.Node == node);
        return answer is { Outcome.Condition: NodeCondition.Answered, Foreign: { } foreign } ? foreign : trial.ForeignBefore.GetValueOrDefault(node);
    }

    private static Dictionary<NodeId, int> Collect(IEnumerable<(NodeId Node, int Attempts)> nodes) =>
        nodes.Where(n => n.Attempts > 0).ToDictionary(n => n.Node, n => n.Attempts);
}
