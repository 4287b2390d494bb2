using System.CommandLine;
using System.CommandLine.Parsing;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Commands;

/// <summary>How a command speaks; every command has these.</summary>
internal sealed class OutputOptions
{
    /// <summary>The name of the option that makes the result JSON.</summary>
    internal const string JsonName = "--json";

    private readonly Option<bool> _json = new(JsonName) { Description = "print one JSON object, for scripts; failures too" };
    private readonly Option<bool> _quiet = new("--quiet") { Description = "no progress; warnings and failures only" };

    /// <summary>Whether the result will be JSON, for a command's validator.</summary>
    internal static bool IsJson(SymbolResult parsed) => parsed.GetValue<bool>(JsonName);

    internal void AddTo(Command command)
    {
        command.Add(_json);
        command.Add(_quiet);
    }

    internal Reporter Reporter(ParseResult parsed, Surroundings surroundings) =>
        new(surroundings, parsed.GetValue(_json), parsed.GetValue(_quiet));
}
