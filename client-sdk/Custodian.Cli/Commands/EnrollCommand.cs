using System.CommandLine;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary><c>custody enroll</c>.</summary>
internal static class EnrollCommand
{
    private const string Details = """
        The key is encrypted on this device, and what opens it is split over the nodes under your secret. The secret is asked twice. Choose
        one that you will know without this device: four or more random words are good, a birthday is not. The file itself is left as it is.

        The owner key, if you have it written, can replace or delete the record when the secret is forgotten. It cannot open the key. Keep it
        where the private key is, not where the secret is.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        KeyOptions key = new(keyRequired: true);
        Option<string> ownerKey = new("--owner-key") { Description = "write the record's owner key there, mode 0600", HelpName = "FILE" };
        Option<bool> replacePending = new("--replace-pending")
        {
            Description = "give up an earlier enrolment that was interrupted before it took effect; its secret recovers nothing afterwards. Not "
                + "while another device may still be enrolling: the two can lock the account until the nodes' operators destroy what is left",
        };
        DocumentedCommand command = new("enroll", "keep a private key with the custodians, under a secret of yours", Details)
        {
            ownerKey, replacePending,
        };
        key.AddTo(command);
        ClientCommand.Attach(command, surroundings, key.Apply, takesSecret: true, (call, cancellation) =>
            RunAsync(
                call,
                key,
                key.Beside(call.Parsed) with { ReplacePending = call.Parsed.GetValue(replacePending) },
                call.Parsed.GetValue(ownerKey),
                cancellation));
        return command;
    }

    private static async Task RunAsync(
        ClientCall call, KeyOptions options, EnrollOptions how, string? ownerKeyName, CancellationToken cancellation)
    {
        using PrivateFile? ownerKeyFile = ownerKeyName is null ? null : PrivateFile.Claim(ownerKeyName, overwrite: false);
        using SecretBytes key = options.ReadKey(call);
        using SecretText secret = await call.Secrets.AskNewAsync("new secret", cancellation);
        using EnrollResult enrolled = await key.WithBytes(bytes =>
            call.Client.EnrollAsync(bytes, secret.Span, how, call.Progress, cancellation));
        string? ownerKeyPath = OwnerKeyFile.WriteOrWarn(ownerKeyFile, enrolled.OwnerKey, call.Reporter);
        RecordReport.Enrolled(call.Reporter, enrolled, "enrolled", ownerKeyPath);
    }
}
