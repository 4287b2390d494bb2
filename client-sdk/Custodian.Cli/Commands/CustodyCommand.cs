using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Commands;

/// <summary>The command line of <c>custody</c>.</summary>
internal static class CustodyCommand
{
    private const string About = """
        Keeps a private key with several independent custodians, and gets it back on a new device with your secret.

        No custodian ever sees the key or the secret, and any few of them together (fewer than the set's threshold) learn nothing.
          custody enroll         --set custodians.json --tokens 'tokens/{node_id}.jwt' --key private.pem
          custody status         --set custodians.json --tokens 'tokens/{node_id}.jwt'
          custody recover        --set custodians.json --tokens 'tokens/{node_id}.jwt' --out private.pem
        The app that you enrolled with gives you the set of custodians; its login gives you the tokens, one for each custodian.
        """;

    // An enrolment that is interrupted takes back what it has stored; after this the process ends all the same.
    private static readonly TimeSpan TimeToUndo = TimeSpan.FromSeconds(15);

    internal static RootCommand Build(Surroundings surroundings)
    {
        RootCommand root = new(About) { HelpName = "custody" };
        root.Add(EnrollCommand.Build(surroundings));
        root.Add(RecoverCommand.Build(surroundings));
        root.Add(CheckCommand.Build(surroundings));
        root.Add(StatusCommand.Build(surroundings));
        root.Add(ChangeSecretCommand.Build(surroundings));
        root.Add(DeleteCommand.Build(surroundings));
        root.Add(DevIssuerCommand.Build(surroundings));
        root.Add(DevTokenCommand.Build(surroundings));
        AppendExitCodes(root);
        return root;
    }

    /// <summary>Parses and runs a command line.</summary>
    /// <returns>The exit status.</returns>
    internal static async Task<int> RunAsync(string[] arguments, Surroundings surroundings)
    {
        // No response files: a subject may begin with '@'.
        ParseResult parsed = Build(surroundings).Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction)
        {
            return Refuse(parsed, new Reporter(surroundings, arguments.Contains(OutputOptions.JsonName), quiet: false));
        }

        using StreamWriter output = new(surroundings.Output, leaveOpen: true);
        return await parsed.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeToUndo,
            Output = output,
            Error = surroundings.Messages,
        });
    }

    private static int Refuse(ParseResult parsed, Reporter reporter)
    {
        Command command = parsed.CommandResult.Command;
        string name = command is RootCommand ? "custody" : $"custody {command.Name}";
        string mistakes = string.Join("; ", parsed.Errors.Select(e => Wording.Of(e.Message)).Distinct());
        reporter.Fail(CommandFailedException.Usage(mistakes, $"{name} --help"));
        return ExitCode.Usage;
    }

    private static void AppendExitCodes(RootCommand root)
    {
        foreach (HelpOption option in root.Options.OfType<HelpOption>())
        {
            option.Action = new HelpWithExitCodes((HelpAction)option.Action!);
        }
    }

    private sealed class HelpWithExitCodes(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int result = help.Invoke(parseResult);
            TextWriter output = parseResult.InvocationConfiguration.Output;
            if (parseResult.CommandResult.Command is DocumentedCommand documented)
            {
                output.WriteLine(documented.Details);
                output.WriteLine();
            }

            output.WriteLine(ExitCode.Help);
            return result;
        }
    }
}
