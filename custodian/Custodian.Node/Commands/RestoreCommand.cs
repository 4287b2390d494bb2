using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian restore</c>: a backup onto a machine with the same HSM keys, and the operator's word for what it has forgotten.</summary>
internal static class RestoreCommand
{
    private sealed record Wish(string? From, string? Accept, bool Replace, bool WithFindings, bool Json);

    private sealed record Accepted(string NodeId, string Database, string BehindSince);

    private sealed record Restored(string NodeId, string Database, string BehindSince, string? CopiedAt, long Accounts, long LimitedRecords, string? SetAside);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var from = new Option<string?>("--from") { Description = "the backup; without it, --accept is for a copy that is in place already" };
        var accept = new Option<string?>("--accept") { Description = "the words that accept what the copy has forgotten; asked for if not given" };
        var replace = new Option<bool>("--replace") { Description = "take the place of the database that is there, which is kept beside it" };
        var findings = new Option<bool>("--with-findings") { Description = "restore even though the backup does not verify; accounts with findings stay refused" };
        return common.Build(
            "restore",
            "Puts a backup in place: checks that it is of this node, that this HSM opens it, and verifies it as 'custodian verify' does. The node "
            + "must be stopped. The restored node has forgotten every attempt made since the backup, so every record has one attempt at most "
            + "until its next Confirm, which the owner of the record makes by recovering. Because of that it wants to be told in so many words "
            + "that they are forgotten. A node started on a copy that nobody accepted is not ready and answers everything but Evaluate. "
            + "Nothing is overwritten, and a crash leaves the old database or the whole new one. Exit status 5 when the backup does not verify.",
            [from, accept, replace, findings],
            (parsed, configuration, cancellation) => RunAsync(
                configuration,
                new Wish(parsed.GetValue(from), parsed.GetValue(accept), parsed.GetValue(replace), parsed.GetValue(findings), parsed.GetValue(common.Json)),
                cancellation));
    }

    private static Task<int> RunAsync(NodeConfiguration configuration, Wish wish, CancellationToken cancellation) =>
        wish.From is { } from ? PlaceAsync(configuration, Path.GetFullPath(from), wish, cancellation) : AcceptAsync(configuration, wish, cancellation);

    private static async Task<int> AcceptAsync(NodeConfiguration configuration, Wish wish, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, migrate: true);
        if (await runtime.Store.ReadRestorationAsync(cancellation) is not { AwaitsAcceptance: true } restoration)
        {
            Terminal.Error("there is nothing to accept: the database is no copy, or its copy was accepted before; to restore a backup name it with --from");
            return ExitCode.NotFound;
        }

        if (!AcceptanceWords.AreGiven(wish.Accept, restoration))
        {
            return ExitCode.Usage;
        }

        await runtime.Store.AcceptRestorationAsync(cancellation);
        var accepted = new Accepted(configuration.NodeId.Value, configuration.DatabaseFile, Restoration.Said(restoration.BehindMs));
        Terminal.Print(wish.Json, accepted, text => text.WriteLine("accepted; a node that serves becomes ready within seconds"));
        return ExitCode.Done;
    }

    private static async Task<int> PlaceAsync(NodeConfiguration configuration, string from, Wish wish, CancellationToken cancellation)
    {
        string target = configuration.DatabaseFile;
        if (!File.Exists(from))
        {
            Terminal.Error($"there is no file {from}");
            return ExitCode.NotFound;
        }

        if (File.Exists(target) && !wish.Replace)
        {
            Terminal.Error($"{target} is there already and stays as it is; with --replace the backup takes its place and it is kept beside it");
            return ExitCode.Failed;
        }

        NodeRuntime.MakeDataFolder(configuration);

        // A key that the backup is under must not be retired between this look at it and its place.
        using KeyLock? alone = KeyLock.TakeIfThereIsADatabase(configuration);
        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        using StagedCopy staged = StagedCopy.Take(from, target);
        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(
            NodeRuntime.HsmOptions(configuration.Hsm, pin, NodeMode.Claimed(staged.Options)), cancellation);
        if (!await IsFitAsync(configuration, staged, hsm, wish, cancellation))
        {
            return ExitCode.Findings;
        }

        return await RestrainAsync(configuration, staged, hsm, wish, cancellation) is { } restored
            ? Finish(restored with { SetAside = staged.Place(TimeProvider.System) }, wish)
            : ExitCode.Usage;
    }

    private static async Task<bool> IsFitAsync(
        NodeConfiguration configuration, StagedCopy staged, Pkcs11Hsm hsm, Wish wish, CancellationToken cancellation)
    {
        using NodeSecrets secrets = await OpenSecretsAsync(configuration, staged, hsm, Path.GetFullPath(wish.From!));
        KeyInventory keys = await hsm.RefreshKeysAsync();
        staged.BringForwardAndMark(secrets, NodeDatabase.SchemaOf(staged.Options) < Schema.WithKeyList ? KeyList.FirstOf(keys, staged.Options) : KeyList.Empty);
        VerificationReport report = new DatabaseVerifier(staged.Options, secrets, VerifyCommand.Progress).Run(cancellation);
        KeyVersionCheck.Run(staged.Options, secrets, keys, report);
        if (report.IsSound)
        {
            return true;
        }

        VerifyCommand.Write(report, Console.Error);
        if (!wish.WithFindings)
        {
            Terminal.Error("the backup does not verify, and nothing was changed; take another one, or restore it all the same with --with-findings");
        }

        return wish.WithFindings;
    }

    /// <summary>Names, when it fails, the backup that the operator knows, and not the copy of it that is gone afterwards.</summary>
    private static async Task<NodeSecrets> OpenSecretsAsync(NodeConfiguration configuration, StagedCopy staged, Pkcs11Hsm hsm, string from)
    {
        try
        {
            return await NodeRuntime.OpenSecretsAsync(configuration, staged.Options, hsm);
        }
        catch (Exception unfit) when (unfit is NodeStartException or StorageException)
        {
            throw new NodeStartException(unfit.Message.Replace(staged.Options.Path, from, StringComparison.Ordinal), unfit);
        }
    }

    /// <summary>Leaves every record of the staged copy one attempt, once the operator has accepted that. Null without the words.</summary>
    private static async Task<Restored?> RestrainAsync(
        NodeConfiguration configuration, StagedCopy staged, Pkcs11Hsm hsm, Wish wish, CancellationToken cancellation)
    {
        await using NodeRuntime.OpenStore open = await NodeRuntime.OpenStoreAsync(staged.Options, hsm);
        Restoration restoration = (await open.Store.ReadRestorationAsync(cancellation))!;
        if (!AcceptanceWords.AreGiven(wish.Accept, restoration))
        {
            return null;
        }

        Say(await TombstoneCarrier.CarryAsync(configuration, open.Store, hsm, cancellation));
        await open.Store.AcceptRestorationAsync(cancellation);
        StoreStatus status = await open.Store.ReadStatusAsync(cancellation);
        Say(await KeyStanding.ReadAsync(open.Store, hsm, cancellation));
        return new Restored(
            configuration.NodeId.Value, configuration.DatabaseFile, Restoration.Said(restoration.BehindMs),
            restoration.CopiedMs == 0 ? null : Restoration.Said(restoration.CopiedMs), status.Accounts, status.LimitedRecords, null);
    }

    /// <summary>A copy does not know of keys that were made since, and may list a signing key that was retired.</summary>
    private static void Say(KeyStanding standing)
    {
        if (standing.Refusal is { } refusal)
        {
            Terminal.Note($"before this node serves: {refusal}");
        }

        foreach (UnusedKey key in standing.Remarkable())
        {
            Terminal.Note($"{key.Label}: {key.Why}");
        }
    }

    private static void Say(Carried carried)
    {
        if (carried.Buried > 0)
        {
            Terminal.Note($"{carried.Buried} records that were destroyed after the backup stay destroyed, as the database that was here knows");
        }

        if (carried.Unread is { } why)
        {
            Terminal.Note(
                $"not all of the database that was here can be read ({why}); a record that was destroyed after the backup may live again, "
                + "and whoever holds its owner key, or 'custodian account destroy', ends it once more");
        }
    }

    private static int Finish(Restored restored, Wish wish)
    {
        Terminal.Print(wish.Json, restored, text =>
        {
            text.WriteLine($"restored  {restored.Database}, {restored.Accounts} accounts");
            text.WriteLine($"behind    since {restored.BehindSince}{(restored.CopiedAt is { } at ? $", from a copy made at {at}" : "")}");
            text.WriteLine($"limited   {restored.LimitedRecords} records have one attempt at most until their next Confirm");
            if (restored.SetAside is { } aside)
            {
                text.WriteLine($"kept      the database that was here, as {aside}");
            }

            text.WriteLine("next      custodian serve, with the same --config");
        });
        return ExitCode.Done;
    }
}
