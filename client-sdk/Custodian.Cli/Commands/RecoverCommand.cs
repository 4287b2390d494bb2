using System.CommandLine;
using System.Text.Json.Nodes;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;
using Custodian.Protocol;

namespace Custodian.Cli.Commands;

/// <summary><c>custody recover</c>.</summary>
internal static class RecoverCommand
{
    private const string Details = """
        On a device that has nothing but the set file and tokens for you. Before the secret is asked for, it says how many attempts are left
        and makes sure that the key can be written. The key is written with mode 0600, whole or not at all.

        A wrong secret costs an attempt; the right one gives all of them back. If you are not sure of the secret, see custody status first.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        Option<string> output = new("--out")
        {
            Description = "where the key is written, mode 0600; - for standard output", HelpName = "FILE", Required = true,
        };
        Option<bool> force = new("--force") { Description = "replace a file that is there" };
        Option<string> ownerKey = new("--owner-key") { Description = "write the record's owner key there too, mode 0600", HelpName = "FILE" };
        DocumentedCommand command = new("recover", "get the key back with your secret", Details) { output, force, ownerKey };
        command.Validators.Add(result =>
        {
            if (result.GetValue(output) == KeyOutput.StandardOutput && OutputOptions.IsJson(result))
            {
                result.AddError("--json and --out - both want standard output");
            }
        });
        ClientCommand.Attach(command, surroundings, adjust: null, takesSecret: true, async (call, cancellation) =>
        {
            bool overwrite = call.Parsed.GetValue(force);
            using KeyOutput key = KeyOutput.Claim(call.Parsed.GetRequiredValue(output), overwrite, surroundings);
            using PrivateFile? owner = call.Parsed.GetValue(ownerKey) is { } name ? PrivateFile.Claim(name, overwrite) : null;
            await RunAsync(call, key, owner, cancellation);
        });
        return command;
    }

    private static async Task RunAsync(ClientCall call, KeyOutput output, PrivateFile? ownerKeyFile, CancellationToken cancellation)
    {
        using RecoverySession session = await call.Client.PrepareRecoveryAsync(call.Progress, cancellation);
        RefuseLocked(session);
        call.Reporter.Step($"the record answers: {Wording.Count(session.AttemptsLeft, "attempt")} left");
        using RecoverResult recovered = await AskAndRecoverAsync(call, session, cancellation);
        try
        {
            WriteKey(call, output, recovered);
        }
        catch
        {
            // The secret was right: the nodes give the attempt back only if they are told before the client is disposed.
            await SettlementWait.AwaitAsync(recovered.Settlement, call.Surroundings.Time, cancellation);
            throw;
        }

        _ = OwnerKeyFile.WriteOrWarn(ownerKeyFile, recovered.OwnerKey, call.Reporter);

        // Nodes that do not answer may keep this process for seconds more, and a core image of it would hold the key.
        recovered.Dispose();
        call.Reporter.Step("the key is written; waiting for the nodes to settle");
        Report(call, recovered, await SettleAsync(call, recovered, cancellation), output.Path);
    }

    /// <summary>Who tires of waiting is told all the same what the confirmations, which go on, erase.</summary>
    private static async Task<SettlementReport?> SettleAsync(ClientCall call, RecoverResult recovered, CancellationToken cancellation)
    {
        try
        {
            return await SettlementWait.AwaitAsync(recovered.Settlement, call.Surroundings.Time, cancellation);
        }
        catch (OperationCanceledException)
        {
            RecoveryReport.Warn(call.Reporter, recovered.Record, recovered.ForeignAttempts, recovered.IsOlderRecord);
            throw;
        }
    }

    private static void WriteKey(ClientCall call, KeyOutput output, RecoverResult recovered)
    {
        try
        {
            if (output.Write(recovered.PrivateKey) is { } unsynced)
            {
                call.Reporter.Warn(unsynced);
            }
        }
        catch (CommandFailedException failure)
        {
            throw new CommandFailedException(
                failure.ExitCode,
                failure.Code,
                $"the secret is right, but the key is not written: {failure.Message}",
                "the key is still kept; make room or name another file, and recover again");
        }
    }

    private static async Task<RecoverResult> AskAndRecoverAsync(ClientCall call, RecoverySession session, CancellationToken cancellation)
    {
        using SecretText secret = await call.Secrets.AskAsync("secret", cancellation);
        return await session.RecoverAsync(secret.Span, cancellation);
    }

    // Said before the secret is asked for: typing it would be for nothing.
    private static void RefuseLocked(RecoverySession session)
    {
        if (session.Delay != TimeSpan.Zero)
        {
            throw Failures.Locked(session.Delay, until: null, session.AttemptsLeft, NodeReport.Lines(session.Nodes));
        }
    }

    private static void Report(ClientCall call, RecoverResult recovered, SettlementReport? settlement, string? path)
    {
        IReadOnlyDictionary<NodeId, int> foreign = settlement?.ForeignAttempts ?? recovered.ForeignAttempts;
        RecoveryReport.Warn(call.Reporter, recovered.Record, foreign, recovered.IsOlderRecord);
        RecoveryReport.Settled(call.Reporter, settlement);
        JsonObject members = RecoveryReport.ToJson(recovered.Record, foreign, recovered.IsOlderRecord, settlement);
        members["out"] = path;
        members["label"] = recovered.Label;
        members["content_type"] = recovered.ContentType;
        if (settlement is null)
        {
            members["nodes"] = Reporter.ToJson(NodeReport.Lines(recovered.Nodes));
        }

        string label = recovered.Label.Length == 0 ? "the key" : $"the key \"{recovered.Label}\"";
        call.Reporter.Result(members, path is null ? "" : $"recovered {label} to {path}\n");
    }
}
