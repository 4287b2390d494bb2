using System.CommandLine;
using System.CommandLine.Invocation;
using Custodian.Node.Host;

namespace Custodian.Node.Commands;

/// <summary>The command line of <c>custodian</c>.</summary>
internal static class CustodianCommand
{
    private const string Program = "custodian";

    private const string About = """
        Runs one custodian node: it keeps masked shares of what opens users' keys, and never sees a key, a secret or an unmasked share.

        A node is one configuration file, one HSM token and one database:
          custodian doctor --config node.json     whether the HSM can serve, before init and after
          custodian init   --config node.json     once: makes the token's keys, the database and the node's secrets
          custodian serve  --config node.json     serves until SIGTERM
          custodian status --config node.json     what it holds, and whether it answers
          custodian audit  --config node.json     what it did, entry by entry
          custodian account show|destroy --config node.json  one user's records, told issuer and subject
          custodian backup --config node.json --to FILE      a copy of the database, also while it serves
          custodian restore --config node.json --from FILE   a backup put in place
          custodian keys   list|rotate|reseal|adopt|retire --config node.json     the HSM's keys and what is under them
          custodian verify --config node.json     whether the database is as the node left it

        Settings come from the JSON file, over it environment variables (CUSTODIAN_HSM__SESSIONS=8), over them --override hsm:sessions=8.
        The HSM's PIN comes from the file hsm:pin_file (mode 0600), the variable CUSTODIAN_PIN or the systemd credential 'custodian-pin'.

        Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 4 not ready, 5 the database or the HSM has findings.
        """;

    /// <summary>What remains after the server's own patience with accepted calls: for the database, the HSM and the ready file.</summary>
    private static readonly TimeSpan CloseTime = TimeSpan.FromSeconds(20);

    /// <summary>Runs the command line; the result is the process's exit status.</summary>
    /// <remarks>
    /// The command line library ends the process a while after a signal, whatever still runs. <c>serve</c> must have time to finish the
    /// calls it accepted, however long its settings let them be, which are not read yet; every other command ends soon, also when an HSM hangs.
    /// </remarks>
    internal static async Task<int> RunAsync(string[] args)
    {
        ParseResult parsed = Build().Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            return Refuse(parsed);
        }

        var invocation = new InvocationConfiguration();
        if (parsed.CommandResult.Command.Name == ServeCommand.Name)
        {
            invocation.ProcessTerminationTimeout = NodeConfiguration.LongestCallOfAny + CloseTime;
        }

        return await parsed.InvokeAsync(invocation);
    }

    /// <summary>One line, which a page of help does not push off the screen.</summary>
    private static int Refuse(ParseResult parsed)
    {
        string mistakes = string.Join("; ", parsed.Errors.Select(e => Worded(e.Message)).Distinct());
        IEnumerable<string> named = parsed.CommandResult.Command.Parents.Append(parsed.CommandResult.Command)
            .Where(c => c is not RootCommand).Select(c => c.Name).Prepend(Program);
        Terminal.Error($"{mistakes}; see {string.Join(' ', named)} --help");
        return ExitCode.Usage;
    }

    private static string Worded(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..].TrimEnd('.');

    internal static RootCommand Build()
    {
        var root = new RootCommand(About);
        root.Subcommands.Add(DoctorCommand.Build());
        root.Subcommands.Add(InitCommand.Build());
        root.Subcommands.Add(ServeCommand.Build());
        root.Subcommands.Add(StatusCommand.Build());
        root.Subcommands.Add(AuditCommand.Build());
        root.Subcommands.Add(AccountCommand.Build());
        root.Subcommands.Add(KeysCommand.Build());
        root.Subcommands.Add(BackupCommand.Build());
        root.Subcommands.Add(RestoreCommand.Build());
        root.Subcommands.Add(VerifyCommand.Build());
        return root;
    }
}
