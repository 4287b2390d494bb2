using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian keys list|rotate|reseal|retire</c>: the life of the keys in the HSM's token.</summary>
internal static class KeysCommand
{
    private sealed record Listed(
        IReadOnlyList<KeyView> Keys, IReadOnlyList<UnusedKey> Unused, long RecordsToReseal, bool MayReseal, long UnreadableRecords);

    private sealed record Made(string Label, string Algorithm, string Use, IReadOnlyList<string> Missing);

    private sealed record Retired(string Label);

    private sealed record Allowed(string Label, long RecordsToReseal);

    /// <summary>What is to be destroyed, as the command line says it.</summary>
    private sealed record Doomed(KeyPurpose Purpose, uint Version, bool Yes, bool Json)
    {
        internal string Label => TokenKeys.LabelOf(Purpose, Version);
    }

    internal static Command Build()
    {
        var command = new Command("keys", "Lists the versions of the HSM's keys and what is under them, makes new ones, has records brought under them, and destroys those that nothing is under.");
        command.Subcommands.Add(BuildList());
        command.Subcommands.Add(BuildRotate());
        command.Subcommands.Add(BuildReseal());
        command.Subcommands.Add(BuildRetire());
        return command;
    }

    private static Command BuildList()
    {
        var common = new CommonOptions();
        return common.Build(
            "list",
            "Prints every version of the seal, wrap and audit key, how many records are under it, and of the audit keys the public halves, retired "
            + "ones included. The node may be stopped or serving. Names, too, what bears a label of the node's and is not used. "
            + "Exit status 1 when a record is under a key that the token lacks.",
            [],
            (parsed, configuration, cancellation) => ListAsync(configuration, parsed.GetValue(common.Json), cancellation));
    }

    private static Command BuildRotate()
    {
        var common = new CommonOptions();
        Option<KeyPurpose> purpose = PurposeOption();
        return common.Build(
            "rotate",
            "Makes the next version of a key in the token and notes in the database that it may be used. A serving node takes it up by itself "
            + "within seconds, refusing no call: what is new is under it from then on, and opens only with it. Refresh and test the token's clone or "
            + "backup next. After a new seal key, older records stay under theirs until 'custodian keys reseal'; records stay under their wrap key "
            + "until their users enrol anew. The versions before stay until they are retired. A command that was killed leaves at most a key that "
            + "nobody uses, which 'custodian keys list' names; run it again.",
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

    private static Command BuildRetire()
    {
        var common = new CommonOptions();
        Option<KeyPurpose> purpose = PurposeOption();
        var version = new Option<uint>("--version") { Description = "the version to destroy", Required = true };
        var yes = new Option<bool>("--yes") { Description = "do it; without this it is asked for, or refused where nobody can answer" };
        return common.Build(
            "retire",
            "Destroys a version of a key for good, once nothing refers to it; otherwise says what does. Never the newest. Backups of the database "
            + "that were made while something was under it can never be opened again: that is also the means to make copies of destroyed records "
            + "useless, once the token's own backups are rid of the key too. Of an audit key the public half stays, and old signatures verify. "
            + "Exit status 1 when something refers to it, 3 when there is no such version, 5 when the database has findings.",
            [purpose, version, yes],
            (parsed, configuration, cancellation) => RetireAsync(
                configuration,
                new Doomed(parsed.GetValue(purpose), parsed.GetValue(version), parsed.GetValue(yes), parsed.GetValue(common.Json)),
                cancellation));
    }

    private static Option<KeyPurpose> PurposeOption()
    {
        var purpose = new Option<KeyPurpose>("--purpose")
        {
            Description = "seal, wrap or audit",
            Required = true,
            CustomParser = result =>
            {
                if (Enum.GetValues<KeyPurpose>().FirstOrDefault(p => Word(p) == result.Tokens[0].Value) is not default(KeyPurpose) and var named)
                {
                    return named;
                }

                result.AddError($"--purpose is '{result.Tokens[0].Value}'; seal, wrap or audit");
                return default;
            },
        };
        return purpose;
    }

    private static string Word(KeyPurpose purpose) => purpose.ToString().ToLowerInvariant();

    private static async Task<int> ListAsync(NodeConfiguration configuration, bool json, CancellationToken cancellation)
    {
        KeyRetirement known = (await ReadAsync(configuration, null, verified: false, cancellation))!;
        uint newest = known.Keys.Newest(KeyPurpose.Seal);
        var listed = new Listed(
            KeyView.AllOf(known), known.Keys.Unused, known.Use.SealedBefore(newest), known.Authorities.MayReseal(newest), known.Use.Unreadable);
        Terminal.Print(json, listed, text =>
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

            foreach (UnusedKey key in listed.Unused)
            {
                text.WriteLine($"{key.Label,-20}  unused   {key.Why}");
            }
        });
        if (listed.UnreadableRecords > 0)
        {
            Terminal.Note($"{listed.UnreadableRecords} records do not say what they are under; 'custodian verify' names them");
        }

        return listed.Keys.Any(k => k.State == "missing") ? ExitCode.Failed : ExitCode.Done;
    }

    private static async Task<int> RotateAsync(NodeConfiguration configuration, KeyPurpose purpose, bool json, CancellationToken cancellation)
    {
        using KeyLock alone = KeyLock.Take(configuration);
        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        KeyRetirement known = (await ReadAsync(configuration, pin, verified: false, cancellation))!;

        // Past what a file that was edited may say, there is no next version.
        uint above = known.Use.Named(purpose).Where(v => v < int.MaxValue).DefaultIfEmpty().Max();
        Pkcs11HsmOptions options = NodeRuntime.HsmOptions(configuration.Hsm, pin, known.Authorities.Keys);
        TokenKeyDescription key = await TokenKeys.RotateAsync(options, purpose, above, cancellation);
        await AuthoriseAsync(configuration, pin, known, key.Key, cancellation);
        Terminal.Print(json, new Made(key.Label, key.Algorithm, key.Use, key.Missing), text => Write(key, purpose, text));
        return ExitCode.Done;
    }

    /// <summary>Nobody uses the key before this, and a crash before leaves one that nobody ever does.</summary>
    private static async Task AuthoriseAsync(
        NodeConfiguration configuration, HsmPin pin, KeyRetirement known, AuthorisedKey made, CancellationToken cancellation)
    {
        // The public half of the audit key that has signed until now, while it is known to be that.
        AuditKey signing = known.Keys.Signing;
        var former = new AuthorisedKey(KeyPurpose.Audit, signing.Version, Convert.ToHexStringLower(signing.PublicKey.Span));
        KeyAuthority[] noted = made.Purpose == KeyPurpose.Audit ? [new(former, false), new(made, false)] : [new(made, false)];
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, pin: pin);
        await runtime.Store.AuthoriseAsync(noted, cancellation);
    }

    private static async Task<int> ResealAsync(NodeConfiguration configuration, bool json, CancellationToken cancellation)
    {
        using KeyLock alone = KeyLock.Take(configuration);
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        KeyRetirement known = await ReadAsync(runtime, cancellation);
        uint newest = known.Keys.Newest(KeyPurpose.Seal);
        if (known.Authorities.Versions.FirstOrDefault(v => v.Key.Purpose == KeyPurpose.Seal && v.Key.Version == newest) is not { } authority)
        {
            Terminal.Error($"{TokenKeys.LabelOf(KeyPurpose.Seal, newest)} is the first and newest seal key, and nothing is under an older one; make another with 'custodian keys rotate'");
            return ExitCode.NotFound;
        }

        await runtime.Store.AuthoriseAsync([authority with { MayReseal = true }], cancellation);
        var allowed = new Allowed(TokenKeys.LabelOf(KeyPurpose.Seal, newest), known.Use.SealedBefore(newest));
        Terminal.Print(json, allowed, text => text.WriteLine(
            $"allowed   a serving node brings {allowed.RecordsToReseal} records, and the node's secrets last, under {allowed.Label}; 'custodian keys list' counts those left"));
        return ExitCode.Done;
    }

    private static void Write(TokenKeyDescription key, KeyPurpose purpose, TextWriter text)
    {
        text.WriteLine($"key       {key.Label}  {key.Algorithm}, {key.Use}");
        foreach (string missing in key.Missing)
        {
            text.WriteLine($"          the module does not protect it here: {missing}");
        }

        text.WriteLine(purpose switch
        {
            KeyPurpose.Seal => "next      a serving node uses it within seconds for what is new; older records stay under theirs until 'custodian keys reseal'",
            KeyPurpose.Wrap => "next      a serving node uses it within seconds for new records; older ones stay under theirs",
            _ => "next      a serving node signs with it within seconds; what was signed before verifies under the public keys of 'custodian keys list'",
        });
        text.WriteLine("backup    refresh and test the token's clone or backup now: what is stored from now on, and backups of the database with it, open only with this key");
    }

    private static async Task<int> RetireAsync(NodeConfiguration configuration, Doomed doomed, CancellationToken cancellation)
    {
        using KeyLock alone = KeyLock.Take(configuration);
        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        if (await ReadAsync(configuration, pin, verified: doomed.Purpose != KeyPurpose.Audit, cancellation) is not { } known)
        {
            return ExitCode.Findings;
        }

        if (!IsThere(known.Keys, doomed))
        {
            Terminal.Error($"the token has no key {doomed.Label} to destroy; 'custodian keys list' prints those there are");
            return ExitCode.NotFound;
        }

        if (IsHindered(known, doomed))
        {
            return ExitCode.Failed;
        }

        if (!doomed.Yes)
        {
            if (!IsConfirmed(doomed))
            {
                return ExitCode.Usage;
            }

            // The answer may have taken a while, and the node serves.
            known = (await ReadAsync(configuration, pin, verified: false, cancellation))!;
            if (IsHindered(known, doomed))
            {
                return ExitCode.Failed;
            }
        }

        Pkcs11HsmOptions options = NodeRuntime.HsmOptions(configuration.Hsm, pin, known.Authorities.Keys);
        await TokenKeys.RetireAsync(options, doomed.Purpose, doomed.Version, cancellation);
        Terminal.Print(doomed.Json, new Retired(doomed.Label), text => text.WriteLine($"destroyed  {doomed.Label}; {Meaning(doomed.Purpose)}"));
        return ExitCode.Done;
    }

    private static bool IsHindered(KeyRetirement known, Doomed doomed)
    {
        string[] hindrances = [.. known.Hindrances(doomed.Purpose, doomed.Version, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds())];
        if (hindrances.Length > 0)
        {
            Terminal.Error($"{doomed.Label} stays, and nothing was changed: {string.Join("; ", hindrances)}");
        }

        return hindrances.Length > 0;
    }

    private static bool IsThere(KeyInventory keys, Doomed doomed) => doomed.Purpose == KeyPurpose.Audit
        ? keys.Audit.Any(k => k.Version == doomed.Version && k.IsPrivateThere)
        : keys.Of(doomed.Purpose).Contains(doomed.Version);

    private static string Meaning(KeyPurpose purpose) => purpose == KeyPurpose.Audit
        ? "its public half stays in the token, and what it signed verifies"
        : "backups made while something was under it can never be opened again, unless a backup of the token still has the key";

    private static bool IsConfirmed(Doomed doomed)
    {
        if (Console.IsInputRedirected)
        {
            Terminal.Error($"this destroys {doomed.Label} for good: {Meaning(doomed.Purpose)}; say --yes if that is meant");
            return false;
        }

        Console.Error.WriteLine($"This destroys {doomed.Label} for good: {Meaning(doomed.Purpose)}.");
        Console.Error.Write("To do it, type its label: ");
        bool isTyped = Console.In.ReadLine()?.Trim() == doomed.Label;
        if (!isTyped)
        {
            Terminal.Error("that is not its label, and nothing was changed");
        }

        return isTyped;
    }

    /// <summary>
    /// What there is, and what is under it. Before a key is destroyed the whole database is verified first: rows that were edited or taken
    /// away could hide what is under it. Null when it has findings, which are printed.
    /// </summary>
    private static async Task<KeyRetirement?> ReadAsync(NodeConfiguration configuration, HsmPin? pin, bool verified, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, pin: pin);
        return verified && !await IsSoundAsync(configuration, runtime, cancellation) ? null : await ReadAsync(runtime, cancellation);
    }

    private static async Task<KeyRetirement> ReadAsync(NodeRuntime runtime, CancellationToken cancellation)
    {
        KeyAuthorities authorities = await runtime.Store.ReadKeyAuthoritiesAsync(cancellation);
        long recently = (TimeProvider.System.GetUtcNow() - KeyRetirement.CallTime).ToUnixTimeMilliseconds();
        return new KeyRetirement(
            await runtime.Hsm.RefreshKeysAsync(authorities.Keys),
            await runtime.Store.ReadKeyUseAsync(cancellation),
            await runtime.Store.ReadResealedAfterAsync(recently, cancellation))
        {
            Authorities = authorities,
        };
    }

    private static async Task<bool> IsSoundAsync(NodeConfiguration configuration, NodeRuntime runtime, CancellationToken cancellation)
    {
        SqliteStoreOptions options = NodeRuntime.StoreOptions(configuration);
        using NodeSecrets secrets = await NodeRuntime.OpenSecretsAsync(configuration, options, runtime.Hsm);
        VerificationReport report = new DatabaseVerifier(options, secrets, VerifyCommand.Progress).Run(cancellation);
        if (!report.IsSound)
        {
            VerifyCommand.Write(report, Console.Error);
            Terminal.Error("the database has findings, so that what is under the key cannot be known; nothing was changed");
        }

        return report.IsSound;
    }
}
