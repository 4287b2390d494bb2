using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>What the commands of <c>custodian keys</c> have in common.</summary>
internal static class KeysRead
{
    internal static Option<KeyPurpose> PurposeOption()
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

    /// <summary>What there is, and what is under it.</summary>
    internal static Task<KeyRetirement> AllAsync(NodeRuntime runtime, CancellationToken cancellation) =>
        AllAsync(TimeProvider.System.GetUtcNow(), runtime.Store, runtime.Hsm, runtime.CallTime, cancellation);

    private static async Task<KeyRetirement> AllAsync(
        DateTimeOffset asOf, SqliteAccountStore store, IHsm hsm, TimeSpan callTime, CancellationToken cancellation) => new(
        await KeyStanding.ReadAsync(store, hsm, cancellation),
        await store.ReadKeyUseAsync(cancellation),
        await store.ReadResealedAfterAsync((asOf - callTime).ToUnixTimeMilliseconds(), cancellation),
        asOf.ToUnixTimeMilliseconds(),
        callTime);

    /// <summary>The same, opened for it.</summary>
    internal static async Task<KeyRetirement> AllAsync(NodeConfiguration configuration, HsmPin? pin, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, pin: pin);
        return await AllAsync(runtime, cancellation);
    }

    /// <summary>
    /// Before a key is destroyed the whole database is verified, and what is under it is counted from what authenticated, in the same pass:
    /// rows that were edited, between two looks too, could hide it. Findings are printed.
    /// </summary>
    /// <param name="configuration">Of the node.</param>
    /// <param name="pin">Of its token.</param>
    /// <param name="goesOn">Whether it goes on in spite of findings; else it says why not.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null where it does not go on.</returns>
    internal static async Task<KeyRetirement?> AllVerifiedAsync(
        NodeConfiguration configuration, HsmPin pin, Predicate<VerificationReport> goesOn, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, pin: pin);
        return await AllVerifiedAsync(
            NodeRuntime.StoreOptions(configuration), runtime.Store, runtime.Hsm, runtime.CallTime, TimeProvider.System, goesOn, cancellation);
    }

    /// <inheritdoc cref="AllVerifiedAsync(NodeConfiguration, HsmPin, Predicate{VerificationReport}, CancellationToken)"/>
    internal static async Task<KeyRetirement?> AllVerifiedAsync(
        SqliteStoreOptions options, SqliteAccountStore store, IHsm hsm, TimeSpan callTime, TimeProvider time, Predicate<VerificationReport> goesOn,
        CancellationToken cancellation)
    {
        // Before the pass: an account's page may be passed a long time before its end.
        DateTimeOffset asOf = time.GetUtcNow();
        NodeIdentity identity = NodeDatabase.ReadIdentity(options);
        using NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(options, identity, hsm);
        VerificationReport report = new DatabaseVerifier(options, secrets, VerifyCommand.Progress).Run(cancellation);
        KeyVersionCheck.Run(options, secrets, await hsm.RefreshKeysAsync(), report);
        if (!report.IsSound)
        {
            VerifyCommand.Write(report, Console.Error);
            if (!goesOn(report))
            {
                return null;
            }
        }

        KeyRetirement known = await AllAsync(asOf, store, hsm, callTime, cancellation);
        return known with
        {
            Use = known.Use with
            {
                Records = [.. report.RecordsUnder.Select(under => new RecordsUnder(under.Key, under.Value))],
                Unreadable = report.UnreadableRecords,
                Secrets = BlobVersions.TryRead(identity.SealedSecrets.Span, out BlobVersions opened) ? opened : null,
            },
        };
    }

    /// <summary>
    /// Whether a node of this mode has no key of a purpose, and says so. Asked after the HSM has opened the database, which makes the mode
    /// that it claims authentic.
    /// </summary>
    internal static bool IsOfOtherMode(NodeConfiguration configuration, KeyPurpose purpose)
    {
        if (purpose != KeyPurpose.Wrap || NodeMode.Claimed(NodeRuntime.StoreOptions(configuration)) != EvaluationMode.Memory)
        {
            return false;
        }

        Terminal.Error(ModeAdvice.NoWrapKey);
        return true;
    }

    /// <summary>Has the operator type a key's label, which they do not where they said --yes.</summary>
    internal static bool IsConfirmed(string label, string what)
    {
        if (Console.IsInputRedirected)
        {
            Terminal.Error($"{what}; say --yes if that is meant");
            return false;
        }

        Console.Error.WriteLine($"{char.ToUpperInvariant(what[0])}{what[1..]}.");
        Console.Error.Write("To do it, type its label: ");
        bool isTyped = Console.In.ReadLine()?.Trim() == label;
        if (!isTyped)
        {
            Terminal.Error("that is not its label, and nothing was changed");
        }

        return isTyped;
    }

    private static string Word(KeyPurpose purpose) => purpose.ToString().ToLowerInvariant();
}
