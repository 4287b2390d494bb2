using System.Text.Json.Nodes;
using Custodian.Protocol;

namespace Custodian.Cli.Reporting;

/// <summary>Warns of attempts that were not this command's.</summary>
internal static class ForeignAttempts
{
    private const string Hint =
        "if that was not you, someone who can log in as you is guessing: sign out your other devices, and run custody change-secret";

    /// <summary>Warns if there were any.</summary>
    internal static void Warn(Reporter reporter, IReadOnlyDictionary<NodeId, int> atNodes, int threshold)
    {
        if (atNodes.Count > 0)
        {
            reporter.Warn(Text(atNodes, threshold), Hint);
        }
    }

    /// <summary>Each node's count, for scripts.</summary>
    internal static JsonObject ToJson(IReadOnlyDictionary<NodeId, int> atNodes) =>
        new(atNodes.OrderBy(n => n.Key).Select(n => KeyValuePair.Create<string, JsonNode?>(n.Key.Value, n.Value)));

    /// <summary>
    /// A guess takes threshold nodes, so the threshold-th highest count is what fewer lying nodes cannot exaggerate. When fewer nodes
    /// report any, they are named: nobody has learnt anything, unless it was at nodes that have not answered.
    /// </summary>
    internal static string Text(IReadOnlyDictionary<NodeId, int> atNodes, int threshold)
    {
        if (atNodes.Count >= threshold)
        {
            int tries = atNodes.Values.OrderDescending().ElementAt(threshold - 1);
            return $"someone tried {Wording.Count(tries, "time")} since the key was last recovered";
        }

        string counts = string.Join(", ", atNodes.OrderBy(n => n.Key).Select(n => $"{n.Key} counts {n.Value}"));
        return $"someone tried, at too few nodes to learn anything if those that did not answer saw none: {counts}";
    }
}
