using System.CommandLine;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary><c>custody check</c>.</summary>
internal static class CheckCommand
{
    private const string Details = """
        Recovers without writing the key, and gives all attempts back: a rehearsal. It also completes what an interrupted change has left.
        A wrong secret costs an attempt, as it does with recover.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        DocumentedCommand command = new("check", "see whether you still know the secret, without writing the key", Details);
        ClientCommand.Attach(command, surroundings, adjust: null, takesSecret: true, RunAsync);
        return command;
    }

    private static async Task RunAsync(ClientCall call, CancellationToken cancellation)
    {
        using SecretText secret = await call.Secrets.AskAsync("secret", cancellation);
        CheckResult check = await call.Client.CheckAsync(secret.Span, call.Progress, cancellation);
        RecoveryReport.Warn(call.Reporter, check.Record, check.ForeignAttempts, check.IsOlderRecord);
        RecoveryReport.Settled(call.Reporter, check.Settlement);
        call.Reporter.Result(
            RecoveryReport.ToJson(check.Record, check.ForeignAttempts, check.IsOlderRecord, check.Settlement),
            $"the secret is right; {Wording.Count(check.Record.MaxAttempts, "attempt")} left\n");
    }
}
