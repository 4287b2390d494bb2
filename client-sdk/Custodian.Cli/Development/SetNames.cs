using System.Collections.Immutable;
using System.Text.Json;
using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Cli.Development;

/// <summary>
/// The names of the nodes in a set file, and nothing else of it: tokens are signed before nodes have addresses or certificates.
/// </summary>
internal static class SetNames
{
    /// <summary>Reads the names.</summary>
    /// <exception cref="CommandFailedException">The file cannot be read, or a node has no valid name.</exception>
    internal static ImmutableArray<NodeId> Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            ImmutableArray<NodeId> names = [.. document.RootElement.GetProperty("nodes").EnumerateArray().Select(NameOf)];
            return names.IsEmpty ? throw new FormatException("it has no nodes") : names;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or FormatException
            or InvalidOperationException or KeyNotFoundException)
        {
            throw CommandFailedException.Usage($"{path} names no nodes: {Wording.Of(error)}", "it should look like { \"nodes\": [ { \"node_id\": ... } ] }");
        }
    }

    private static NodeId NameOf(JsonElement node) => NodeId.Parse(node.GetProperty("node_id").GetString() ?? "");
}
