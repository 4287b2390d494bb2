using System.CommandLine;
using Custodian.Cli.Reporting;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary><c>custody status</c>.</summary>
internal static class StatusCommand
{
    private const string Details = """
        Asks every node what it holds for you. Needs no secret, and costs no attempt. A key that is enrolled but locked is no failure
        here: the exit status is 0.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        DocumentedCommand command = new("status", "what the nodes hold for you, and how many attempts are left", Details);
        ClientCommand.Attach(command, surroundings, adjust: null, takesSecret: false, RunAsync);
        return command;
    }

    private static async Task RunAsync(ClientCall call, CancellationToken cancellation)
    {
        AccountDescription account = await call.Client.DescribeAsync(call.Progress, cancellation);
        if (account.Absence is { } absence)
        {
            throw absence;
        }

        ForeignAttempts.Warn(call.Reporter, account.ForeignAttempts, account.Record!.Threshold);
        call.Reporter.Result(AccountReport.ToJson(account, call.Set), AccountReport.Text(account, call.Set));
    }
}
