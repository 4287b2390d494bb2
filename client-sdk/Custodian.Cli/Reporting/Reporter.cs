using System.Text;
using System.Text.Json.Nodes;

namespace Custodian.Cli.Reporting;

/// <summary>
/// How a command speaks. To a person: steps and warnings on standard error, the result on standard output. To a script (<c>--json</c>):
/// one JSON object on standard output, whatever happens, and nothing else.
/// </summary>
internal sealed class Reporter(Surroundings surroundings, bool json, bool quiet)
{
    private readonly Lock _writing = new();
    private readonly JsonArray _warnings = [];

    /// <summary>Whether the result is JSON.</summary>
    internal bool Json => json;

    /// <summary>One line about the work in progress.</summary>
    internal void Step(string line)
    {
        if (!json && !quiet)
        {
            WriteMessage(line);
        }
    }

    /// <summary>Something a person should know although the command goes on; said with <c>--quiet</c> too.</summary>
    internal void Warn(string message, string? hint = null)
    {
        lock (_writing)
        {
            _warnings.Add((JsonNode)(hint is null ? message : $"{message}; {hint}"));
        }

        if (!json)
        {
            WriteMessage($"custody: warning: {message}");
            WriteHint(hint);
        }
    }

    /// <summary>The result: <paramref name="members"/> as JSON, or <paramref name="text"/> for a person.</summary>
    internal void Result(JsonObject members, string text)
    {
        if (json)
        {
            WriteJson(members);
        }
        else if (text.Length > 0)
        {
            WriteOutput(Wording.Printable(text));
        }
    }

    /// <summary>The failure that the command ends with.</summary>
    internal void Fail(CommandFailedException failure)
    {
        if (json)
        {
            WriteJson(Describe(failure));
            return;
        }

        WriteMessage($"custody: {failure.Message}");
        foreach (NodeLine node in failure.Nodes.Where(n => n.Condition is not ("answered" or "not_asked")))
        {
            WriteMessage($"  {node.Node}: {node.Explanation}");
        }

        WriteHint(failure.Hint);
    }

    /// <summary>Nodes as a JSON object: name, condition, why.</summary>
    internal static JsonObject ToJson(IEnumerable<NodeLine> nodes)
    {
        JsonObject members = [];
        foreach (NodeLine node in nodes)
        {
            members[node.Node] = new JsonObject { ["condition"] = node.Condition, ["explanation"] = node.Explanation };
        }

        return members;
    }

    private static JsonObject Describe(CommandFailedException failure)
    {
        JsonObject members = new() { ["error"] = failure.Code, ["message"] = failure.Message };
        if (failure.Hint is not null)
        {
            members["hint"] = failure.Hint;
        }

        foreach ((string name, JsonNode? value) in failure.Details)
        {
            members[name] = value;
        }

        members["nodes"] = ToJson(failure.Nodes);
        return members;
    }

    private void WriteJson(JsonObject members)
    {
        if (_warnings.Count > 0)
        {
            members["warnings"] = _warnings;
        }

        WriteOutput(members.ToJsonString() + "\n");
    }

    private void WriteOutput(string text)
    {
        surroundings.Output.Write(Encoding.UTF8.GetBytes(text));
        surroundings.Output.Flush();
    }

    private void WriteHint(string? hint)
    {
        if (hint is not null)
        {
            WriteMessage($"hint: {hint}");
        }
    }

    private void WriteMessage(string line)
    {
        lock (_writing)
        {
            surroundings.Messages.WriteLine(Wording.Printable(line));
        }
    }
}
