using System.CommandLine;
using System.Text.Json.Nodes;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary><c>custody delete</c>.</summary>
internal static class DeleteCommand
{
    private const string Details = """
        Removes the key from every node. Nobody can get it back from them afterwards, you included: make sure that you have it elsewhere.
        Needs the secret, or the owner key.
        """;

    private const string Confirmation = "delete";

    internal static Command Build(Surroundings surroundings)
    {
        Option<bool> yes = new("--yes") { Description = "do not ask whether it is meant" };
        Option<string> ownerKey = new("--owner-key") { Description = "the record's owner key, in place of the secret", HelpName = "FILE" };
        DocumentedCommand command = new("delete", "remove the key from the custodians, for good", Details) { yes, ownerKey };
        ClientCommand.Attach(command, surroundings, adjust: null, takesSecret: true, async (call, cancellation) =>
        {
            if (!call.Parsed.GetValue(yes))
            {
                await ConfirmAsync(call, cancellation);
            }

            Report(call, call.Parsed.GetValue(ownerKey) is { } path
                ? await WithOwnerKeyAsync(call, path, cancellation)
                : await WithSecretAsync(call, cancellation));
        });
        return command;
    }

    private static async Task ConfirmAsync(ClientCall call, CancellationToken cancellation)
    {
        using Terminal terminal = Terminal.Open(call.Surroundings.TerminalPath, "add --yes if it is meant");
        string answer = await terminal.AskAsync(
            $"""
            this removes your key from all {Wording.Count(call.Set.Nodes.Length, "node")} of {call.Set.Id}, for good
            type "{Confirmation}" to go on: 
            """,
            cancellation);
        if (answer != Confirmation)
        {
            throw new CommandFailedException(ExitCode.Failed, "not_confirmed", "nothing was deleted");
        }
    }

    private static async Task<DeleteResult> WithOwnerKeyAsync(ClientCall call, string path, CancellationToken cancellation)
    {
        using SecretBytes ownerKey = OwnerKeyFile.Read(path);
        return await call.Client.DeleteAsync(ownerKey, call.Progress, cancellation);
    }

    private static async Task<DeleteResult> WithSecretAsync(ClientCall call, CancellationToken cancellation)
    {
        using SecretText secret = await call.Secrets.AskAsync("secret", cancellation);
        return await call.Client.DeleteAsync(secret.Span, call.Progress, cancellation);
    }

    // The lowest threshold ever used decides: with as many nodes left, a record of that time could still be recovered.
    private static void Report(ClientCall call, DeleteResult deleted)
    {
        string remaining = NodeReport.Join(deleted.Remaining);
        if (deleted.Remaining.Length >= call.Set.MinThreshold)
        {
            throw new CommandFailedException(
                ExitCode.TooFewNodes,
                "too_few_nodes",
                $"deleted at {Wording.Count(deleted.Empty.Length, "node")}, but {remaining} may still give the key back",
                "run it again when they answer")
            {
                Nodes = NodeReport.Lines(deleted.Nodes),
            };
        }

        if (!deleted.IsComplete)
        {
            call.Reporter.Warn($"not reached: {remaining}", "too few to give the key back; run it again to remove what they hold");
        }

        call.Reporter.Result(
            new JsonObject
            {
                ["empty"] = RecordReport.Names(deleted.Empty),
                ["remaining"] = RecordReport.Names(deleted.Remaining),
                ["complete"] = deleted.IsComplete,
                ["nodes"] = Reporter.ToJson(NodeReport.Lines(deleted.Nodes)),
            },
            $"deleted at {Wording.Count(deleted.Empty.Length, "node")}; the key cannot be recovered any more\n");
    }
}
