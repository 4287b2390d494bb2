using System.CommandLine;
using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Protocol;

namespace Custodian.Node.Commands;

/// <summary><c>custodian account show|destroy</c>: the operator's look at one account, and its end. Both are audited.</summary>
internal static class AccountCommand
{
    private sealed record Wish(bool Yes, bool Tampered, bool Json);

    /// <summary>Numbers only where rows did not authenticate: how many of them the account had, and how many parts were proved its own.</summary>
    private sealed record Destroyed(int? RecordRows, int? ErasedParts);

    internal static Command Build()
    {
        var command = new Command("account", "Shows or destroys what the node holds for one account. Both leave an audit entry, where there is such an account.");
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
        var tampered = new Option<bool>("--tampered")
        {
            Description = "also if the account's rows do not authenticate; what stays is what the audit log says of its records",
        };
        return common.Build(
            "destroy",
            "Destroys every record of the account at this node. The user's other nodes are not told.",
            [.. name.All, yes, tampered],
            async (parsed, configuration, cancellation) => name.TryRead(parsed, configuration, out AccountId? account)
                ? await DestroyAsync(
                    configuration, account.Value, new Wish(parsed.GetValue(yes), parsed.GetValue(tampered), parsed.GetValue(common.Json)), cancellation)
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

    private static async Task<int> DestroyAsync(NodeConfiguration configuration, AccountId id, Wish wish, CancellationToken cancellation)
    {
        if (!wish.Yes)
        {
            Terminal.Error("this destroys the account's share at this node for good; say --yes if that is meant");
            return ExitCode.Usage;
        }

        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        try
        {
            Decision<StateAnswer> decision = await runtime.Store.DecideAsync(id, DeleteRule.DecideForOperator, cancellation);
            return Said(decision, wish.Json);
        }
        catch (StorageException refused) when (refused.Fault == StorageFault.Tampered)
        {
            return wish.Tampered ? await DestroyTamperedAsync(configuration, runtime, id, wish.Json, cancellation) : SayTampered(refused);
        }
    }

    private static int Said(Decision<StateAnswer> decision, bool json)
    {
        if (decision.Refusal is not null)
        {
            Terminal.Error("the node holds no live record for this account");
            return ExitCode.NotFound;
        }

        Terminal.Print(json, new Destroyed(null, null), text => text.WriteLine("destroyed"));
        return ExitCode.Done;
    }

    private static int SayTampered(StorageException refused)
    {
        Terminal.Error(
            $"{refused.Message}; nothing was changed. 'custodian verify' names what is wrong; keep a copy of the database, and say --tampered to "
            + "destroy the account all the same, so that its user can enrol again");
        return ExitCode.Failed;
    }

    /// <summary>The HSM says which sealed parts are the account's before any is erased: an edited row may point to another account's.</summary>
    private static async Task<int> DestroyTamperedAsync(
        NodeConfiguration configuration, NodeRuntime runtime, AccountId id, bool json, CancellationToken cancellation)
    {
        var check = new SealedPartCheck(configuration.NodeId, runtime.Hsm);
        byte[] row = runtime.Store.RowOf(id).ToArray();
        List<SuspectRecord> own = [];
        foreach (SuspectRecord suspect in runtime.Store.SuspectsOf(id))
        {
            if (RecordId.TryRead(suspect.RecordId, out RecordId record) && await check.OpensAsync(row, record, suspect.Part, cancellation))
            {
                own.Add(suspect);
            }
        }

        Destruction done = runtime.Store.DestroyTampered(id, own);
        Terminal.Print(
            json,
            new Destroyed(done.Records, done.Erased),
            text => text.WriteLine($"destroyed {done.Records} record rows and erased {done.Erased} sealed parts"));
        if (done.Erased < done.Records)
        {
            Terminal.Note("a sealed part that the HSM does not know as this account's was left where it lies; 'custodian verify' names it");
        }

        if (!done.LogIsErased)
        {
            Terminal.Note("the write-ahead log still holds what was erased; the node's next start rids it of that");
        }

        return ExitCode.Done;
    }
}
