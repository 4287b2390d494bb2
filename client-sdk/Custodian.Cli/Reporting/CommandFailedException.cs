using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Custodian.Cli.Reporting;

/// <summary>A command ends here: what the person is told, what a script is told, and the exit status.</summary>
/// <param name="exitCode">One of <see cref="ExitCode"/>.</param>
/// <param name="code">The failure's name in <c>--json</c>, such as <c>wrong_secret</c>.</param>
/// <param name="message">What went wrong: lower case, no full stop.</param>
/// <param name="hint">What to do next, in the same form; null when there is nothing to say.</param>
internal sealed class CommandFailedException(int exitCode, string code, string message, string? hint = null) : Exception(message)
{
    /// <summary>The exit status.</summary>
    internal int ExitCode => exitCode;

    /// <summary>The failure's name in <c>--json</c>.</summary>
    internal string Code => code;

    /// <summary>What to do next, or null.</summary>
    internal string? Hint => hint;

    /// <summary>Each node's name, the name of its condition, and why in words; empty when no node was asked.</summary>
    internal ImmutableArray<NodeLine> Nodes { get; init; } = [];

    /// <summary>Further members of the <c>--json</c> object, such as <c>attempts_left</c>.</summary>
    internal ImmutableArray<KeyValuePair<string, JsonNode?>> Details { get; init; } = [];

    /// <summary>The command line, the set file or an input cannot be used.</summary>
    internal static CommandFailedException Usage(string message, string? hint = null) =>
        new(Reporting.ExitCode.Usage, "usage", message, hint);
}
