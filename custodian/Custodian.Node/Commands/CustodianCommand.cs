using System.CommandLine;
using System.CommandLine.Invocation;
using Custodian.Node.Host;

namespace Custodian.Node.Commands;

/// <summary>The command line of <c>custodian</c>.</summary>
internal static class CustodianCommand
{
    private const string About = """
        Runs one custodian node: it keeps shares of keys that users lost their devices to, and never sees a key, a secret or a share.

        A node is one configuration file, one HSM token and one database:
          custodian init   --config node.json     once: makes the token's keys, the database and the node's secrets
          custodian serve  --config node.json     serves until SIGTERM
          custodian status --config node.json     what it holds, and whether it answers

        Settings come from the JSON file, over it environment variables (CUSTODIAN_HSM__SESSIONS=8), over them --override hsm:sessions=8.
        The HSM's PIN comes from the file hsm:pin_file (mode 0600), the variable CUSTODIAN_PIN or the systemd credential 'custodian-pin'.

        Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 4 not ready, 5 the database has findings.
        """;

    /// <summary>What remains after the server's own patience with accepted calls: for the database, the HSM and the ready file.</summary>
    private static readonly TimeSpan CloseTime = TimeSpan.FromSeconds(20);

    /// <summary>Runs the command line; the result is the process's exit status.</summary>
    /// <remarks>
    /// The command line library ends the process a while after a signal, whatever still runs. <c>serve</c> must have time to finish the
    /// calls it accepted; every other command ends soon, also when an HSM hangs.
    /// </remarks>
    internal static async Task<int> RunAsync(string[] args)
    {
        ParseResult parsed = Build().Parse(args);
        var invocation = new InvocationConfiguration();
        if (parsed.CommandResult.Command.Name == ServeCommand.Name)
        {
            invocation.ProcessTerminationTimeout = WebHost.StopPatience + CloseTime;
        }

        int status = await parsed.InvokeAsync(invocation);
        return parsed.Action is ParseErrorAction ? ExitCode.Usage : status;
    }

    internal static RootCommand Build()
    {
        var root = new RootCommand(About);
        root.Subcommands.Add(InitCommand.Build());
        root.Subcommands.Add(ServeCommand.Build());
        root.Subcommands.Add(StatusCommand.Build());
        root.Subcommands.Add(AuditCommand.Build());
        root.Subcommands.Add(AccountCommand.Build());
        root.Subcommands.Add(BackupCommand.Build());
        root.Subcommands.Add(RestoreCommand.Build());
        root.Subcommands.Add(VerifyCommand.Build());
        return root;
    }
}
