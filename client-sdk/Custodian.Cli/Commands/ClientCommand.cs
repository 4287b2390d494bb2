using System.CommandLine;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Cli.Tokens;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary>Gives a command the set, the tokens, a source of secrets, and a client for as long as it runs.</summary>
internal static class ClientCommand
{
    /// <summary>What the command does.</summary>
    /// <exception cref="CommandFailedException">It failed.</exception>
    /// <exception cref="CustodyException">It failed at the nodes.</exception>
    internal delegate Task Work(ClientCall call, CancellationToken cancellation);

    /// <param name="command">The command; gets its further options here.</param>
    /// <param name="surroundings">Input, output and clock.</param>
    /// <param name="adjust">What the command line says about how the client works; null for nothing.</param>
    /// <param name="takesSecret">Whether there is a <c>--secret-stdin</c>.</param>
    /// <param name="work">What it does.</param>
    internal static void Attach(
        Command command, Surroundings surroundings, Action<ParseResult, CustodianClientOptions>? adjust, bool takesSecret, Work work)
    {
        ClientOptions options = new();
        Option<bool> secretStdin = new("--secret-stdin")
        {
            Description = "read the secret from standard input, one line, instead of asking for it",
        };
        options.AddTo(command);
        if (takesSecret)
        {
            command.Add(secretStdin);
        }

        CommandBody.Attach(command, surroundings, async (parsed, reporter, cancellation) =>
        {
            using CustodianClient client = Connect(options, parsed, surroundings, adjust);
            await work(
                new ClientCall
                {
                    Parsed = parsed,
                    Surroundings = surroundings,
                    Reporter = reporter,
                    Secrets = new SecretInput(surroundings, takesSecret && parsed.GetValue(secretStdin)),
                    Client = client,
                },
                cancellation);
        });
    }

    private static CustodianClient Connect(
        ClientOptions options, ParseResult parsed, Surroundings surroundings, Action<ParseResult, CustodianClientOptions>? adjust)
    {
        CustodianSet set = options.ReadSet(parsed);
        TokenSource tokens = options.Tokens(parsed, surroundings);
        CustodianClientOptions clientOptions = new() { Token = tokens.GetAsync, TimeProvider = surroundings.Time };
        adjust?.Invoke(parsed, clientOptions);
        return new CustodianClient(set, clientOptions);
    }
}
