using System.CommandLine;

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

        Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 4 not ready.
        """;

    internal static RootCommand Build()
    {
        var root = new RootCommand(About);
        root.Subcommands.Add(InitCommand.Build());
        root.Subcommands.Add(ServeCommand.Build());
        root.Subcommands.Add(StatusCommand.Build());
        root.Subcommands.Add(AuditCommand.Build());
        root.Subcommands.Add(AccountCommand.Build());
        root.Subcommands.Add(BackupCommand.Build());
        return root;
    }
}
