using System.CommandLine;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Commands;

/// <summary>How a command speaks; every command has these.</summary>
internal sealed class OutputOptions
{
    private readonly Option<bool> _json = new("--json") { Description = "print one JSON object, for scripts; failures too" };
    private readonly Option<bool> _quiet = new("--quiet") { Description = "no progress; warnings and failures only" };

    internal void AddTo(Command command)
    {
        command.Add(_json);
        command.Add(_quiet);
    }

    internal Reporter Reporter(ParseResult parsed, Surroundings surroundings) =>
        new(surroundings, parsed.GetValue(_json), parsed.GetValue(_quiet));
}
