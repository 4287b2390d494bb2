using System.CommandLine;
using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Commands;

/// <summary><c>custodian account show|destroy</c>: the operator's look at one account, and its end. Both are audited.</summary>
internal static class AccountCommand
{
    internal static Command Build()
    {
        var command = new Command("account", "Shows or destroys what the node holds for one account. Both leave an audit entry.");
        command.Subcommands.Add(BuildShow());
        command.Subcommands.Add(BuildDestroy());
        return command;
    }

    private static Command BuildShow()
    {
        var common = new CommonOptions();
        var name = new AccountOptions(required: true);
        return common.Build(
            "show",
            "Prints states, generations and attempts of the account's records; no key material is readable to anyone.",
            name.All,
            async (parsed, configuration, cancellation) => name.TryRead(parsed, configuration, out AccountId? account)
                ? await ShowAsync(configuration, account.Value, parsed.GetValue(common.Json), cancellation)
                : ExitCode.Usage);
    }

    private static Command BuildDestroy()
    {
        var common = new CommonOptions();
        var name = new AccountOptions(required: true);
        var yes = new Option<bool>("--yes") { Description = "do it; without this nothing is destroyed" };
        return common.Build(
            "destroy",
            "Destroys every record of the account at this node. The user's other nodes are not told.",
            [.. name.All, yes],
            async (parsed, configuration, cancellation) => name.TryRead(parsed, configuration, out AccountId? account)
                ? await DestroyAsync(configuration, account.Value, parsed.GetValue(yes), cancellation)
                : ExitCode.Usage);
    }

    private static async Task<int> ShowAsync(NodeConfiguration configuration, AccountId id, bool json, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        Account account = await runtime.Store.AppendAuditAsync(id, AuditKind.ShownToOperator, cancellation);
        if (account.Records.IsEmpty && account.Tombstones.IsEmpty)
        {
            Terminal.Error("the node holds nothing for this account; check --issuer and --subject, which must be exactly those of the tokens");
            return ExitCode.NotFound;
        }

        AccountView view = AccountView.Of(account, configuration.Attempts, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        Terminal.Print(json, view, view.WriteTo);
        return ExitCode.Done;
    }

    private static async Task<int> DestroyAsync(NodeConfiguration configuration, AccountId id, bool yes, CancellationToken cancellation)
    {
        if (!yes)
        {
            Terminal.Error("this destroys the account's share at this node for good; say --yes if that is meant");
            return ExitCode.Usage;
        }

        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        Decision<StateAnswer> decision = await runtime.Store.DecideAsync(id, DeleteRule.DecideForOperator, cancellation);
        if (decision.Refusal is not null)
        {
            Terminal.Error("the node holds no live record for this account");
            return ExitCode.NotFound;
        }

        Console.Out.WriteLine("destroyed");
        return ExitCode.Done;
    }
}
