using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>
/// <c>custodian keys adopt</c>: the operator's word that a key of the token is the node's, for a database that does not know it: one that
/// was restored from before a rotation, or whose list somebody edited. Nothing is ever taken up without that word.
/// </summary>
internal static class KeysAdoptCommand
{
    private sealed record Adopted(string Label, string Identity);

    /// <summary>What is to be taken up, as the command line says it.</summary>
    private sealed record Wish(KeyPurpose Purpose, uint Version, string? Id, bool Yes, bool Json)
    {
        internal string Label => TokenKeys.LabelOf(Purpose, Version);
    }

    internal static Command Build()
    {
        var common = new CommonOptions();
        Option<KeyPurpose> purpose = KeysRead.PurposeOption();
        var version = new Option<uint>("--version") { Description = "the version to take up", Required = true };
        var id = new Option<string?>("--id") { Description = "which one, where the token has several of that version: its CKA_ID or public key, as 'custodian keys list' prints it" };
        var yes = new Option<bool>("--yes") { Description = "do it; without this it is asked for, or refused where nobody can answer" };
        return common.Build(
            "adopt",
            "Says that a key in the token is this node's, so that new things may be made under it: after a backup from before a rotation was restored, "
            + "after a rotation that was killed, or where the list of the node's keys in the database was edited. Say so only of a key that this "
            + "node's own 'custodian init' or 'keys rotate' made: whoever holds the token's PIN can put one there. What is stored opens without. Exit "
            + "status 3 when the token has no such key, or none that is fit.",
            [purpose, version, id, yes],
            (parsed, configuration, cancellation) => RunAsync(
                configuration,
                new Wish(
                    parsed.GetValue(purpose), parsed.GetValue(version), parsed.GetValue(id)?.ToLowerInvariant(), parsed.GetValue(yes), parsed.GetValue(common.Json)),
                cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, Wish wish, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        return await KeyChange.RunAsync(
            configuration,
            wish.Yes,
            () => LookAsync(configuration, runtime, wish, cancellation),
            key => KeysRead.IsConfirmed(wish.Label, $"this makes {wish.Label}, {KeyStanding.IdentityOf(key)}, a key of the node that new things may be under"),
            found => AdoptAsync(runtime, wish, found.Key!, cancellation));
    }

    private static async Task<KeyChange.Found> LookAsync(NodeConfiguration configuration, NodeRuntime runtime, Wish wish, CancellationToken cancellation)
    {
        KeyStanding standing = await runtime.ReadKeysAsync(cancellation);
        if (KeysRead.IsOfOtherMode(configuration, wish.Purpose) || Find(standing.Keys, wish) is not { } key)
        {
            return KeyChange.Found.Nothing(ExitCode.NotFound);
        }

        KeyList list = standing.List ?? KeyList.Empty;
        return !IsNew(list, key) || await IsGuardedLessAsync(runtime.Hsm, list.With(Listed(key)), key)
            ? KeyChange.Found.Nothing(ExitCode.Failed)
            : KeyChange.Found.Of(key, list);
    }

    private static async Task AdoptAsync(NodeRuntime runtime, Wish wish, TokenKey key, CancellationToken cancellation)
    {
        await runtime.Store.ChangeKeyListAsync(now => (now ?? KeyList.Empty).With(Listed(key)), cancellation);
        KeyStanding after = await runtime.ReadKeysAsync(cancellation);
        Terminal.Print(wish.Json, new Adopted(wish.Label, key.Identity), text =>
        {
            text.WriteLine($"adopted   {wish.Label}, {KeyStanding.IdentityOf(key)}");
            text.WriteLine(after.Refusal is { } refusal ? $"still     {refusal}" : $"next      a serving node makes new things under {string.Join(", ", after.Keys.InUse.Select(TokenKeys.LabelOf))} within a second");
        });
    }

    private static ListedKey Listed(TokenKey key) => new(key, MayReseal: false);

    private static TokenKey? Find(KeyInventory keys, Wish wish)
    {
        TokenKey[] there = [.. keys.Fit.Where(k => k.Purpose == wish.Purpose && k.Version == wish.Version && (wish.Id is null || k.Identity == wish.Id)).Distinct()];
        if (there.Length == 1)
        {
            return there[0];
        }

        string? unfit = keys.Unused.FirstOrDefault(k => k.Label == wish.Label)?.Why;
        Terminal.Error(there.Length > 1
            ? $"the token has {there.Length} keys {wish.Label}: {string.Join("; ", there.Select(KeyStanding.IdentityOf))}; say which is the node's with --id"
            : $"the token has no fit key {wish.Label}{(wish.Id is null ? "" : " of that identity")}{(unfit is null ? "" : $": {unfit}")}; 'custodian keys list' prints those there are");
        return null;
    }

    private static bool IsNew(KeyList list, TokenKey key)
    {
        if (list.Find(key.Purpose, key.Version) is not { } listed)
        {
            return true;
        }

        Terminal.Error(listed.Key == key
            ? $"{TokenKeys.LabelOf(key)} is on the node's list already"
            : $"the node's list has another key of that version ({KeyStanding.IdentityOf(listed.Key)}), which this one is not; make a new version with 'custodian keys rotate'");
        return false;
    }

    /// <summary>Has the HSM try the list with the key on it; that it lacks keys of other purposes is no fault of this one.</summary>
    private static async Task<bool> IsGuardedLessAsync(IHsm hsm, KeyList list, TokenKey key)
    {
        try
        {
            KeyInventory keys = await hsm.RefreshKeysAsync(list.Authorised);
            if (list.Keys.Where(k => k.Key.Purpose == key.Purpose).Max(k => k.Key.Version) != key.Version || keys.InUse.Contains(key))
            {
                return false;
            }

            Terminal.Error($"{TokenKeys.LabelOf(key)} is not taken up: {keys.Unused.FirstOrDefault(k => k.Label == TokenKeys.LabelOf(key))?.Why ?? "the HSM does not use it"}");
            return true;
        }
        catch (HsmException other) when (other.IsOfBadKeys)
        {
            return false;
        }
    }
}
