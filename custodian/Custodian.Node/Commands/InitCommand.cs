using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian init</c>: makes the token's keys, the database and the node's secrets, and says what it made.</summary>
/// <remarks>
/// A crash after the keys and before the database leaves a token with keys that nothing is under: <c>--reuse-keys</c> goes on from there.
/// The database appears whole, with its secrets sealed, or not at all.
/// </remarks>
internal static class InitCommand
{
    private sealed record MadeKey(string Label, string Algorithm, string Use, IReadOnlyList<string> Missing);

    private sealed record Made(
        string NodeId, string Database, string Token, string TokenSerial, string? SecurityOfficerPinFile, EvaluationMode Evaluation,
        IReadOnlyList<MadeKey> Keys, string AuditPublicKey);

    /// <summary>What was asked for on the command line.</summary>
    private sealed record Wish(bool MakeToken, bool ReuseKeys, EvaluationMode Evaluation, bool Json);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var reuseKeys = new Option<bool>("--reuse-keys")
        {
            Description = "go on with the keys that the token already has; for an init that was interrupted, or to begin an empty database",
        };
        var makeToken = new Option<bool>("--make-token")
        {
            Description = "first initialise a token of the configured label in a free slot (SoftHSM has one), with the PIN of hsm:pin_file; "
                + "its security officer's PIN is drawn and written to the file so-pin beside the PIN file",
        };
        Option<bool> inMemory = ModeAdvice.Option();
        return common.Build(
            "init",
            "Makes the node's keys in the HSM's token, its database and its secrets, and prints what it made.",
            [makeToken, reuseKeys, inMemory],
            (parsed, configuration, cancellation) => RunAsync(
                configuration,
                new Wish(
                    parsed.GetValue(makeToken), parsed.GetValue(reuseKeys),
                    parsed.GetValue(inMemory) ? EvaluationMode.Memory : EvaluationMode.Hsm, parsed.GetValue(common.Json)),
                cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, Wish wish, CancellationToken cancellation)
    {
        if (wish is { MakeToken: true, ReuseKeys: true })
        {
            Terminal.Error("a new token has no keys to reuse; say --make-token or --reuse-keys");
            return ExitCode.Usage;
        }

        if (wish.MakeToken && configuration.Hsm.PinFile is null)
        {
            Terminal.Error("--make-token needs hsm:pin_file: the token gets the PIN that is in it");
            return ExitCode.Usage;
        }

        if (File.Exists(configuration.DatabaseFile))
        {
            Terminal.Error($"{configuration.DatabaseFile} is there already; this node is initialised, start it with 'custodian serve'");
            return ExitCode.Failed;
        }

        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        string? securityOfficerPin = wish.MakeToken
            ? NewToken.Make(configuration.Hsm, pin, Path.GetDirectoryName(configuration.Hsm.PinFile)!)
            : null;
        try
        {
            return await MakeAsync(configuration, pin, securityOfficerPin, wish, cancellation);
        }
        catch (HsmException lacking) when (lacking.IsOfHsmEvaluation)
        {
            // Never chosen by itself: it is the weaker place.
            Terminal.Error($"the HSM's token '{configuration.Hsm.TokenLabel}' does not work: {lacking.Message.TrimEnd('.')}; {ModeAdvice.Instead()}");
            return ExitCode.Failed;
        }
    }

    private static async Task<int> MakeAsync(
        NodeConfiguration configuration, HsmPin pin, string? securityOfficerPin, Wish wish, CancellationToken cancellation)
    {
        Pkcs11HsmOptions options = NodeRuntime.HsmOptions(configuration.Hsm, pin, wish.Evaluation);
        IReadOnlyList<TokenKeyDescription> made = [];
        IReadOnlyList<TokenKey>? keys = wish.ReuseKeys ? await ReuseAsync(configuration.Hsm, options, cancellation) : null;
        if (!wish.ReuseKeys && await MakeAsync(configuration.Hsm, options, cancellation) is { } fresh)
        {
            (made, keys) = (fresh, [.. fresh.Select(k => k.Key)]);
        }

        if (keys is null)
        {
            return ExitCode.Failed;
        }

        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(NodeRuntime.HsmOptions(configuration.Hsm, pin, wish.Evaluation, keys), cancellation);
        await NodeRuntime.CreateDatabaseAsync(configuration, hsm, keys);
        Print(configuration, hsm, made, securityOfficerPin, wish);
        return ExitCode.Done;
    }

    /// <summary>The keys that were made, or null with a message printed.</summary>
    private static async Task<IReadOnlyList<TokenKeyDescription>?> MakeAsync(HsmSettings hsm, Pkcs11HsmOptions options, CancellationToken cancellation)
    {
        try
        {
            return await TokenKeys.CreateAsync(options, cancellation);
        }
        catch (TokenKeysExistException exist)
        {
            Terminal.Error(KeyAdvice.WhenSomeExist(exist.Labels, hsm, options.Evaluation));
            return null;
        }
    }

    /// <summary>
    /// The keys that are there, of every version, which the operator has called the node's; or null with a message printed: where one is
    /// missing, or which of two it is nobody has said.
    /// </summary>
    private static async Task<IReadOnlyList<TokenKey>?> ReuseAsync(HsmSettings hsm, Pkcs11HsmOptions options, CancellationToken cancellation)
    {
        IReadOnlyList<string> present = await TokenKeys.FindAsync(options, cancellation);
        if (TokenKeys.Lacking(present, options.Evaluation).Count > 0)
        {
            Terminal.Error(KeyAdvice.WhenSomeAreMissing(present, hsm, options.Evaluation));
            return null;
        }

        KeyInventory found = await TokenKeys.ReadAsync(options, cancellation);
        foreach (UnusedKey unused in found.Unused)
        {
            Terminal.Note($"{unused.Label} is left alone: {unused.Why}");
        }

        if (found.Fit.GroupBy(k => (k.Purpose, k.Version)).FirstOrDefault(same => same.Count() > 1) is { } twins)
        {
            Terminal.Error(KeyAdvice.WhenThereAreTwo([.. twins]));
            return null;
        }

        return found.Fit;
    }

    private static void Print(
        NodeConfiguration configuration, Pkcs11Hsm hsm, IReadOnlyList<TokenKeyDescription> keys, string? securityOfficerPin, Wish wish)
    {
        var made = new Made(
            configuration.NodeId.Value,
            configuration.DatabaseFile,
            hsm.Token.Label,
            hsm.Token.Serial,
            securityOfficerPin,
            wish.Evaluation,
            [.. keys.Select(k => new MadeKey(k.Label, k.Algorithm, k.Use, k.Missing))],
            Convert.ToHexStringLower(hsm.Keys.SigningPoint.Span));
        Terminal.Print(wish.Json, made, text =>
        {
            text.WriteLine($"node      {made.NodeId}");
            text.WriteLine($"token     {made.Token}, serial {made.TokenSerial}");
            if (made.SecurityOfficerPinFile is { } file)
            {
                text.WriteLine($"so-pin    {file}, the token's security officer's; the node never needs it: keep it elsewhere");
            }

            foreach (MadeKey key in made.Keys)
            {
                text.WriteLine($"key       {key.Label}  {key.Algorithm}, {key.Use}");
                foreach (string missing in key.Missing)
                {
                    text.WriteLine($"          the module does not protect it here: {missing}");
                }
            }

            if (keys.Count == 0)
            {
                text.WriteLine($"keys      {string.Join(", ", hsm.Keys.InUse.Select(TokenKeys.LabelOf))}, which were there, are used");
            }

            text.WriteLine($"evaluates {ModeAdvice.Said(made.Evaluation)}");
            text.WriteLine($"database  {made.Database}, with the node's secrets sealed by the HSM");
            text.WriteLine($"audit     public key {made.AuditPublicKey}");
            text.WriteLine("next      custodian serve, with the same --config");
        });
    }
}
