using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Custodian.Client;
using Custodian.Protocol;

namespace Custodian.Cli.Reporting;

/// <summary>Brings what the client knows of its nodes into lines.</summary>
internal static partial class NodeReport
{
    /// <summary>A line per node, in the order of their names.</summary>
    internal static ImmutableArray<NodeLine> Lines(IReadOnlyDictionary<NodeId, NodeOutcome> nodes) =>
        [.. nodes.OrderBy(n => n.Key).Select(n => new NodeLine(n.Key.Value, Name(n.Value.Condition), n.Value.Explanation))];

    /// <summary>A condition, or another value of an enumeration, as scripts read it: <c>timed_out</c>.</summary>
    internal static string Name<T>(T value)
        where T : struct, Enum => Capital().Replace(value.ToString(), "_$0").ToLower(CultureInfo.InvariantCulture);

    /// <summary>The names of some nodes in a sentence.</summary>
    internal static string Join(IEnumerable<NodeId> nodes) => string.Join(", ", nodes.Order());

    [GeneratedRegex("(?<=.)[A-Z]")]
    private static partial Regex Capital();
}
