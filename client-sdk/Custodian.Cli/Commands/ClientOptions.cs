using System.CommandLine;
using Custodian.Cli.Reporting;
using Custodian.Cli.Tokens;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary>The set of custodians and the tokens; every command that talks to nodes has these.</summary>
internal sealed class ClientOptions
{
    private readonly Option<string> _set = new("--set")
    {
        Description = "the set of custodians, a JSON file that comes with the app you enrolled with", HelpName = "FILE", Required = true,
    };

    private readonly Option<string> _tokens = new("--tokens")
    {
        Description = "token files: a name with {node_id} in it, or a folder for {node_id}.jwt", HelpName = "PATTERN",
    };

    private readonly Option<string> _tokensVariable = new("--tokens-env")
    {
        Description = "an environment variable with the tokens, a JSON object { node_id: token }", HelpName = "VAR",
    };

    private readonly Option<string> _tokensCommand = new("--tokens-command")
    {
        Description = $"a shell command that prints a node's token; {CommandTokens.NodeVariable} names the node", HelpName = "COMMAND",
    };

    internal void AddTo(Command command)
    {
        command.Add(_set);
        command.Add(_tokens);
        command.Add(_tokensVariable);
        command.Add(_tokensCommand);
        command.Validators.Add(result =>
        {
            Option[] sources = [_tokens, _tokensVariable, _tokensCommand];
            if (sources.Count(s => result.GetResult(s) is not null) != 1)
            {
                result.AddError("give the tokens with one of --tokens, --tokens-env and --tokens-command");
            }
        });
    }

    /// <summary>Reads the set file.</summary>
    /// <exception cref="CommandFailedException">It cannot be read.</exception>
    /// <exception cref="CustodianSetException">It is no usable set.</exception>
    internal CustodianSet ReadSet(ParseResult parsed)
    {
        string path = parsed.GetRequiredValue(_set);
        try
        {
            return CustodianSet.Load(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CommandFailedException.Usage($"{path} does not exist", "--set names the file of custodians that comes with the app");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandFailedException.Usage($"cannot read {path}: {Wording.Of(error)}");
        }
    }

    /// <summary>The tokens, from wherever they were said to come.</summary>
    /// <exception cref="CommandFailedException">They cannot come from there.</exception>
    internal TokenSource Tokens(ParseResult parsed, Surroundings surroundings) =>
        parsed.GetValue(_tokens) is { } pattern ? new FileTokens(NodeFilePattern.Parse(pattern))
        : parsed.GetValue(_tokensVariable) is { } variable ? MapTokens.Parse(variable, surroundings.Variable(variable))
        : new CommandTokens(parsed.GetRequiredValue(_tokensCommand), surroundings);
}
