using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Cli.Tokens;

/// <summary>A file per node: a name with <c>{node_id}</c> in it, or a folder, which stands for <c>folder/{node_id}.jwt</c>.</summary>
internal sealed class NodeFilePattern
{
    private const string Placeholder = "{node_id}";

    private readonly string _pattern;

    private NodeFilePattern(string pattern) => _pattern = pattern;

    /// <summary>Reads a pattern. A name without the placeholder is a folder, whether it exists or not.</summary>
    /// <exception cref="CommandFailedException">The name without the placeholder is a file: one token cannot be for all nodes.</exception>
    internal static NodeFilePattern Parse(string text)
    {
        if (text.Contains(Placeholder, StringComparison.Ordinal))
        {
            return new NodeFilePattern(text);
        }

        return File.Exists(text)
            ? throw CommandFailedException.Usage(
                $"{text} is one file, but every node has a token of its own", "name a folder, or a pattern such as 'tokens/{node_id}.jwt'")
            : new NodeFilePattern(Path.Combine(text, Placeholder + ".jwt"));
    }

    /// <summary>The file of a node. A node's name has no separators, so it cannot lead elsewhere.</summary>
    internal string FileOf(NodeId node) => _pattern.Replace(Placeholder, node.Value, StringComparison.Ordinal);
}
