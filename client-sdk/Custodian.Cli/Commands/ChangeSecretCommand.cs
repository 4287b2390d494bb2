using System.CommandLine;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary><c>custody change-secret</c>.</summary>
internal static class ChangeSecretCommand
{
    private const string Details = """
        Asks for the old secret, then twice for the new one. With --secret-stdin the old secret is line 1 and the new one line 2. The key
        stays as it is. At every moment the old secret or the new one gives the key back, also when this is interrupted: run it again then.

        When the secret is forgotten, or all attempts are used, and this device still has the key and its owner key: give both with
        --owner-key and --key, and only the new secret is asked for (with --secret-stdin, line 1).

        A change makes a new owner key: have it written with --new-owner-key.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        KeyOptions key = new(keyRequired: false);
        Option<string> ownerKey = new("--owner-key") { Description = "the present owner key, in place of the old secret; needs --key", HelpName = "FILE" };
        Option<string> newOwnerKey = new("--new-owner-key") { Description = "write the new owner key there, mode 0600", HelpName = "FILE" };
        Option<bool> force = new("--force") { Description = "replace the --new-owner-key file if it is there" };
        DocumentedCommand command = new("change-secret", "give the key a new secret", Details) { ownerKey, newOwnerKey, force };
        key.AddTo(command);
        command.Validators.Add(result =>
        {
            bool replaces = result.GetResult(ownerKey) is not null;
            if (replaces != key.IsGiven(result))
            {
                result.AddError(replaces ? "--owner-key needs --key, the key to be kept" : "--key is only for --owner-key; the old secret keeps the key");
            }
        });
        ClientCommand.Attach(command, surroundings, key.Apply, takesSecret: true, async (call, cancellation) =>
        {
            using PrivateFile? newOwner = call.Parsed.GetValue(newOwnerKey) is { } name
                ? PrivateFile.Claim(name, call.Parsed.GetValue(force))
                : null;
            using EnrollResult changed = call.Parsed.GetValue(ownerKey) is { } path
                ? await ReplaceAsync(call, key, path, cancellation)
                : await ChangeAsync(call, cancellation);
            string? newOwnerPath = OwnerKeyFile.WriteOrWarn(newOwner, changed.OwnerKey, call.Reporter);
            ForeignAttempts.Warn(call.Reporter, changed.ForeignAttempts, changed.Record.Threshold);
            RecordReport.Enrolled(call.Reporter, changed, "the secret is changed", newOwnerPath);
        });
        return command;
    }

    private static async Task<EnrollResult> ChangeAsync(ClientCall call, CancellationToken cancellation)
    {
        (SecretText old, SecretText next) = await call.Secrets.AskOldAndNewAsync("old secret", "new secret", cancellation);
        using (old)
        using (next)
        {
            return await call.Client.ChangeSecretAsync(old.Span, next.Span, call.Progress, cancellation);
        }
    }

    private static async Task<EnrollResult> ReplaceAsync(ClientCall call, KeyOptions options, string ownerKeyPath, CancellationToken cancellation)
    {
        using SecretBytes ownerKey = OwnerKeyFile.Read(ownerKeyPath);
        using SecretBytes key = options.ReadKey(call);
        using SecretText secret = await call.Secrets.AskNewAsync("new secret", cancellation);
        return await key.WithBytes(bytes => call.Client.ReplaceAsync(
            ownerKey, bytes, secret.Span, options.Beside(call.Parsed), call.Progress, cancellation));
    }
}
