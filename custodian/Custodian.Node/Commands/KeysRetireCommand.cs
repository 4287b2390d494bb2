using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian keys retire</c>: destroys a version of a key that nothing refers to.</summary>
internal static class KeysRetireCommand
{
    private sealed record Retired(string Label);

    /// <summary>What is to be destroyed, as the command line says it.</summary>
    private sealed record Doomed(KeyPurpose Purpose, uint Version, bool Yes, bool WithFindings, bool Json)
    {
        internal string Label => TokenKeys.LabelOf(Purpose, Version);
    }

    internal static Command Build()
    {
        var common = new CommonOptions();
        Option<KeyPurpose> purpose = KeysRead.PurposeOption();
        var version = new Option<uint>("--version") { Description = "the version to destroy", Required = true };
        var yes = new Option<bool>("--yes") { Description = "do it; without this it is asked for, or refused where nobody can answer" };
        var findings = new Option<bool>("--with-findings") { Description = "also with findings that hide nothing of what is under it: of slots, bodies, the audit log and other keys" };
        return common.Build(
            "retire",
            "Destroys a version of a key for good, once nothing refers to it; otherwise says what does. Never the newest. Backups of the database "
            + "that were made while something was under a seal or wrap key can never be opened again: that is also the means to make copies of "
            + "destroyed records useless, once the token's own backups are rid of the key too. Of an audit key the public half stays in the database, "
            + "and old signatures verify; a backup that names it alone opens, and wants 'custodian keys adopt' before it serves. Exit status 1 when "
            + "something refers to it, 3 when there is no such version, 5 when the database has findings.",
            [purpose, version, yes, findings],
            (parsed, configuration, cancellation) => RunAsync(
                configuration,
                new Doomed(
                    parsed.GetValue(purpose), parsed.GetValue(version), parsed.GetValue(yes), parsed.GetValue(findings), parsed.GetValue(common.Json)),
                cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, Doomed doomed, CancellationToken cancellation)
    {
        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        return await KeyChange.RunAsync(
            configuration,
            doomed.Yes,
            () => LookAsync(configuration, doomed, pin, cancellation),
            _ => KeysRead.IsConfirmed(doomed.Label, $"this destroys {doomed.Label} for good: {Meaning(doomed.Purpose)}"),
            found => DestroyAsync(configuration, doomed, pin, found, cancellation));
    }

    private static async Task<KeyChange.Found> LookAsync(NodeConfiguration configuration, Doomed doomed, HsmPin pin, CancellationToken cancellation)
    {
        if (await KnowAsync(configuration, doomed, pin, cancellation) is not { } known)
        {
            return KeyChange.Found.Nothing(ExitCode.Findings);
        }

        if (KeysRead.IsOfOtherMode(configuration, doomed.Purpose) || Find(known.Standing, doomed) is not { } key)
        {
            return KeyChange.Found.Nothing(ExitCode.NotFound);
        }

        return IsHindered(known, doomed) ? KeyChange.Found.Nothing(ExitCode.Failed) : KeyChange.Found.Of(key, known.Standing.List!);
    }

    private static async Task DestroyAsync(
        NodeConfiguration configuration, Doomed doomed, HsmPin pin, KeyChange.Found found, CancellationToken cancellation)
    {
        await TokenKeys.RetireAsync(NodeRuntime.HsmOptions(configuration, pin, found.List.Authorised), found.Key!, cancellation);
        Terminal.Print(doomed.Json, new Retired(doomed.Label), text => text.WriteLine($"destroyed  {doomed.Label}; {Meaning(doomed.Purpose)}"));
    }

    private static async Task<KeyRetirement?> KnowAsync(NodeConfiguration configuration, Doomed doomed, HsmPin pin, CancellationToken cancellation) =>
        doomed.Purpose == KeyPurpose.Audit
            ? await KeysRead.AllAsync(configuration, pin, cancellation)
            : await KeysRead.AllVerifiedAsync(configuration, pin, report => GoesOn(report, doomed), cancellation);

    private static bool GoesOn(VerificationReport report, Doomed doomed)
    {
        bool isKnown = report.LeavesKnownWhatIsUnder(doomed.Label);
        if (!isKnown || !doomed.WithFindings)
        {
            Terminal.Error(isKnown
                ? "the database has findings, and nothing was changed; these hide nothing of what is under the key, and with --with-findings it is destroyed all the same"
                : "the database has findings, so that what is under the key cannot be known; nothing was changed");
            return false;
        }

        if (report.StrayUnder.Where(s => KeyUse.VersionOf(s.Key, doomed.Purpose) == doomed.Version).Sum(s => s.Value) is > 0 and var stray)
        {
            Terminal.Note($"{stray} sealed parts that belong to no record name {doomed.Label}; they open no more once it is gone");
        }

        return true;
    }

    /// <summary>The key that the database lists under that version, if the token has it; otherwise says why not.</summary>
    private static TokenKey? Find(KeyStanding standing, Doomed doomed)
    {
        TokenKey? listed = standing.List?.Find(doomed.Purpose, doomed.Version)?.Key;
        if (listed is not null && standing.Keys.Fit.Count(k => k == listed) == 1)
        {
            return listed;
        }

        Terminal.Error(standing switch
        {
            { List: null } => KeyStanding.NoList,
            _ when standing.Keys.Of(doomed.Purpose).Contains(doomed.Version) =>
                $"the token has {doomed.Label}, and not as the one key that the database lists, so that nobody knows what is under it; nothing was changed",
            _ => $"the token has no key {doomed.Label} to destroy; 'custodian keys list' prints those there are",
        });
        return null;
    }

    private static bool IsHindered(KeyRetirement known, Doomed doomed)
    {
        string[] hindrances = [.. known.Hindrances(doomed.Purpose, doomed.Version)];
        if (hindrances.Length > 0)
        {
            Terminal.Error($"{doomed.Label} stays, and nothing was changed: {string.Join("; ", hindrances)}");
        }

        return hindrances.Length > 0;
    }

    private static string Meaning(KeyPurpose purpose) => purpose == KeyPurpose.Audit
        ? "its public half stays in the database, and what it signed verifies; a backup from before the newest audit key was made can be restored, and "
            + "wants 'custodian keys adopt' before the node serves from it"
        : "backups made while something was under it can never be opened again, unless a backup of the token still has the key";
}
