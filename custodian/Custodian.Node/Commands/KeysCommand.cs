using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian keys list|rotate|reseal|adopt|retire</c>: the life of the keys in the HSM's token.</summary>
internal static class KeysCommand
{
    private sealed record Listed(
        IReadOnlyList<KeyView> Keys, IReadOnlyList<UnusedKey> Remarks, long RecordsToReseal, bool MayReseal, long UnreadableRecords, string? Refused);

    private sealed record Made(string Label, string Algorithm, string Use, IReadOnlyList<string> Missing, string? Still);

    private sealed record Allowed(string Label, long RecordsToReseal);

    internal static Command Build()
    {
        var command = new Command("keys", "Lists the versions of the HSM's keys and what is under them, makes new ones, has records brought under them, takes up those that the database does not know, and destroys those that nothing is under.");
        command.Subcommands.Add(BuildList());
        command.Subcommands.Add(BuildRotate());
        command.Subcommands.Add(BuildReseal());
        command.Subcommands.Add(KeysAdoptCommand.Build());
        command.Subcommands.Add(KeysRetireCommand.Build());
        return command;
    }

    private static Command BuildList()
    {
        var common = new CommonOptions();
        return common.Build(
            "list",
            "Prints every version of the seal, wrap and audit key, how many records are under it, and of the audit keys the public halves, retired "
            + "ones included. The node may be stopped or serving. Names, too, what bears a label of the node's and new things are not made under, and why. "
            + "Exit status 1 when something is under a key that the token lacks, or the node can make nothing new.",
            [],
            (parsed, configuration, cancellation) => ListAsync(configuration, parsed.GetValue(common.Json), cancellation));
    }

    private static Command BuildRotate()
    {
        var common = new CommonOptions();
        Option<KeyPurpose> purpose = KeysRead.PurposeOption();
        return common.Build(
            "rotate",
            "Makes the next version of a key in the token and notes in the database that it may be used. A serving node takes it up by itself "
            + "within a second, refusing no call: what is new is under it from then on, and opens only with it. Refresh and test the token's clone or "
            + "backup next. After a new seal key, older records stay under theirs until 'custodian keys reseal'; records stay under their wrap key "
            + "until their users enrol anew. The versions before stay until they are retired. A command that was killed leaves at most a key that "
            + "nothing is under, which 'custodian keys list' names; run it again.",
            [purpose],
            (parsed, configuration, cancellation) => RotateAsync(
                configuration, parsed.GetValue(purpose), parsed.GetValue(common.Json), cancellation));
    }

    private static Command BuildReseal()
    {
        var common = new CommonOptions();
        return common.Build(
            "reseal",
            "Says that the newest seal key may take over what is under older ones: a serving node brings the records under it, a few at a time "
            + "(hsm:reseal_rate), and the node's own secrets last. Say so once a clone or backup of the token has the new key and was tested: from "
            + "then on a token without it opens less and less, and in the end nothing.",
            [],
            (parsed, configuration, cancellation) => ResealAsync(configuration, parsed.GetValue(common.Json), cancellation));
    }

    private static async Task<int> ListAsync(NodeConfiguration configuration, bool json, CancellationToken cancellation)
    {
        KeyRetirement known = await KeysRead.AllAsync(configuration, null, cancellation);
        KeyStanding standing = known.Standing;
        uint newest = standing.Newest(KeyPurpose.Seal) ?? 0;
        var listed = new Listed(
            KeyView.AllOf(known), [.. standing.Remarkable()], known.Use.SealedBefore(newest), standing.List?.MayReseal(newest) == true,
            known.Use.Unreadable, standing.Refusal);
        Terminal.Print(json, listed, text => Write(listed, text));
        if (listed.UnreadableRecords > 0)
        {
            Terminal.Note($"{listed.UnreadableRecords} records do not say what they are under; 'custodian verify' names them");
        }

        if (standing.Refusal is { } refusal)
        {
            Terminal.Error(refusal);
        }

        return standing.Refusal is null && !listed.Keys.Any(k => k.IsLost) ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Write(Listed listed, TextWriter text)
    {
        foreach (KeyView key in listed.Keys)
        {
            key.WriteTo(text);
        }

        if (listed.RecordsToReseal > 0)
        {
            text.WriteLine(listed.MayReseal
                ? $"{listed.RecordsToReseal} records are still to be brought under the newest seal key; a serving node does that"
                : $"{listed.RecordsToReseal} records are under older seal keys; once a clone of the token has the newest, say 'custodian keys reseal'");
        }

        foreach (UnusedKey key in listed.Remarks)
        {
            text.WriteLine($"{key.Label}: {key.Why}");
        }
    }

    private static async Task<int> RotateAsync(NodeConfiguration configuration, KeyPurpose purpose, bool json, CancellationToken cancellation)
    {
        using KeyLock alone = KeyLock.Take(configuration);
        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        KeyRetirement known = await KeysRead.AllAsync(configuration, pin, cancellation);
        if (KeysRead.IsOfOtherMode(configuration, purpose))
        {
            return ExitCode.NotFound;
        }

        if (known.Standing.List is not { } list)
        {
            Terminal.Error(KeyStanding.NoList);
            return ExitCode.Failed;
        }

        // With the list of before a rotation, the next version could be one that was retired.
        if (known.Use.Secrets is { } under && list.Find(KeyPurpose.Seal, under.Seal) is null)
        {
            Terminal.Error(known.Standing.Refusal ?? KeyStanding.NoList);
            return ExitCode.Failed;
        }

        // What a file that was edited may say raises the number, and never lowers it.
        uint above = known.Use.Named(purpose).Where(v => v < int.MaxValue).DefaultIfEmpty().Max();
        TokenKeyDescription key = await TokenKeys.RotateAsync(
            NodeRuntime.HsmOptions(configuration, pin, list.Authorised), purpose, above, cancellation);
        KeyStanding after;
        try
        {
            // Nothing is made under the key before this, and a crash before leaves one that 'keys list' names.
            await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, pin: pin);
            await runtime.Store.ChangeKeyListAsync(now => (now ?? list).With(new ListedKey(key.Key, MayReseal: false)), cancellation);
            after = await runtime.ReadKeysAsync(cancellation);
        }
        catch (Exception failure) when (failure is HsmException or StorageException or NodeStartException)
        {
            Terminal.Note($"{key.Label}, {KeyStanding.IdentityOf(key.Key)}, was made, and what came after failed; 'custodian keys list' says whether it is listed, and 'custodian keys adopt' lists it");
            throw;
        }

        string? still = after.Refusal ?? (after.Keys.InUse.Contains(key.Key) ? null : WhyNot(after, key));
        Terminal.Print(json, new Made(key.Label, key.Algorithm, key.Use, key.Missing, still), text => Write(key, purpose, still, text));
        return still is null ? ExitCode.Done : ExitCode.Failed;
    }

    private static string WhyNot(KeyStanding standing, TokenKeyDescription key) =>
        $"{key.Label} is listed, and new things are not made under it: {standing.Keys.Unused.FirstOrDefault(k => k.Label == key.Label)?.Why ?? "the token does not show it"}";

    private static async Task<int> ResealAsync(NodeConfiguration configuration, bool json, CancellationToken cancellation)
    {
        using KeyLock alone = KeyLock.Take(configuration);
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        KeyRetirement known = await KeysRead.AllAsync(runtime, cancellation);
        if (known.Standing.Refusal is { } refusal)
        {
            Terminal.Error(refusal);
            return ExitCode.Failed;
        }

        ListedKey newest = known.Standing.List!.Find(KeyPurpose.Seal, known.Standing.Keys.Newest(KeyPurpose.Seal))!;
        string label = TokenKeys.LabelOf(newest.Key);
        if (newest.Key.Version == 1)
        {
            Terminal.Error($"{label} is the first and newest seal key, and nothing is under an older one; make another with 'custodian keys rotate'");
            return ExitCode.NotFound;
        }

        await runtime.Store.ChangeKeyListAsync(now => now!.With(newest with { MayReseal = true }), cancellation);
        var allowed = new Allowed(label, known.Use.SealedBefore(newest.Key.Version));
        Terminal.Print(json, allowed, text => text.WriteLine(
            $"allowed   a serving node brings {allowed.RecordsToReseal} records, and the node's secrets last, under {allowed.Label}; 'custodian keys list' counts those left"));
        if (configuration.Hsm.ResealRate == 0)
        {
            Terminal.Note("hsm:reseal_rate is 0 in this configuration: a node that serves with it brings nothing over until it is started with another");
        }

        return ExitCode.Done;
    }

    private static void Write(TokenKeyDescription key, KeyPurpose purpose, string? still, TextWriter text)
    {
        text.WriteLine($"key       {key.Label}  {key.Algorithm}, {key.Use}");
        foreach (string missing in key.Missing)
        {
            text.WriteLine($"          the module does not protect it here: {missing}");
        }

        text.WriteLine(still is not null ? $"still     {still}" : purpose switch
        {
            KeyPurpose.Seal => "next      a serving node uses it within a second for what is new; older records stay under theirs until 'custodian keys reseal'",
            KeyPurpose.Wrap => "next      a serving node uses it within a second for new records; older ones stay under theirs",
            _ => "next      a serving node signs with it within a second; what was signed before verifies under the public keys of 'custodian keys list'",
        });
        text.WriteLine("backup    refresh and test the token's clone or backup now: what is stored from now on, and backups of the database with it, open only with this key");
    }
}
