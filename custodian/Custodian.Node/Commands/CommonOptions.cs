using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>The options that every command has, and the frame that every command runs in.</summary>
internal sealed class CommonOptions
{
    internal Option<string> Config { get; } = new("--config")
    {
        Description = "the node's configuration file (JSON)",
        DefaultValueFactory = _ => "node.json",
    };

    internal Option<string[]> Override { get; } = new("--override")
    {
        Description = "a setting to use instead of the file's, such as hsm:sessions=8; may be given several times",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = false,
    };

    internal Option<bool> Json { get; } = new("--json") { Description = "print the result as JSON" };

    /// <summary>A command with these options and those of its own.</summary>
    internal Command Build(string name, string description, IEnumerable<Option> own, Func<ParseResult, NodeConfiguration, CancellationToken, Task<int>> run)
    {
        var command = new Command(name, description) { Config, Override, Json };
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellation) => RunAsync(parsed, run, cancellation));
        return command;
    }

    /// <summary>
    /// Loads the configuration, runs the command, and turns what goes wrong into a message and an exit status. The messages of these
    /// exceptions are written for the operator and carry no secret.
    /// </summary>
    private async Task<int> RunAsync(
        ParseResult parsed, Func<ParseResult, NodeConfiguration, CancellationToken, Task<int>> run, CancellationToken cancellation)
    {
        LoadedConfiguration loaded = ConfigurationLoader.Load(parsed.GetValue(Config)!, parsed.GetValue(Override)!);
        if (loaded.Configuration is not { } configuration)
        {
            foreach (SettingMistake mistake in loaded.Mistakes)
            {
                Terminal.Error(mistake.ToString());
            }

            return ExitCode.Usage;
        }

        try
        {
            return await run(parsed, configuration, cancellation);
        }
        catch (Exception error) when (error is NodeStartException or StorageException or HsmException or IOException or UnauthorizedAccessException)
        {
            Terminal.Error(error is HsmException hsm ? HsmAdvice.For(hsm, configuration.Hsm) : error.Message);
            return ExitCode.Failed;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Terminal.Error("interrupted");
            return ExitCode.Failed;
        }
        catch (Exception unforeseen)
        {
            // The outermost edge. A stack trace tells an operator nothing and would stand between the lines of a script.
            Terminal.Error($"this should not happen: {unforeseen.GetType().Name}: {unforeseen.Message.ReplaceLineEndings(" ")}");
            return ExitCode.Failed;
        }
    }
}
