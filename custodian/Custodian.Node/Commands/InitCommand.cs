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

    private sealed record Made(string NodeId, string Database, string Token, string TokenSerial, IReadOnlyList<MadeKey> Keys, string AuditPublicKey);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var reuseKeys = new Option<bool>("--reuse-keys")
        {
            Description = "go on with the keys that the token already has; for an init that was interrupted, or to begin an empty database",
        };
        return common.Build(
            "init",
            "Makes the node's keys in the HSM's token, its database and its secrets, and prints what it made.",
            [reuseKeys],
            (parsed, configuration, cancellation) =>
                RunAsync(configuration, parsed.GetValue(reuseKeys), parsed.GetValue(common.Json), cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, bool reuseKeys, bool json, CancellationToken cancellation)
    {
        if (File.Exists(configuration.DatabaseFile))
        {
            Terminal.Error($"{configuration.DatabaseFile} is there already; this node is initialised, start it with 'custodian serve'");
            return ExitCode.Failed;
        }

        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        Pkcs11HsmOptions options = NodeRuntime.HsmOptions(configuration.Hsm, pin);
        IReadOnlyList<TokenKeyDescription> keys = [];
        if (!reuseKeys)
        {
            try
            {
                keys = await TokenKeys.CreateAsync(options, cancellation);
            }
            catch (TokenKeysExistException exist)
            {
                Terminal.Error($"the token '{configuration.Hsm.TokenLabel}' already has {string.Join(", ", exist.Labels)}; "
                    + "if an earlier init was interrupted go on with --reuse-keys, if the database was lost restore a backup of it");
                return ExitCode.Failed;
            }
        }

        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(options, cancellation);
        await NodeRuntime.CreateDatabaseAsync(configuration, hsm);
        Print(configuration, hsm, keys, json);
        return ExitCode.Done;
    }

    private static void Print(NodeConfiguration configuration, Pkcs11Hsm hsm, IReadOnlyList<TokenKeyDescription> keys, bool json)
    {
        var made = new Made(
            configuration.NodeId.Value,
            configuration.DatabaseFile,
            hsm.Token.Label,
            hsm.Token.Serial,
            [.. keys.Select(k => new MadeKey(k.Label, k.Algorithm, k.Use, k.Missing))],
            Convert.ToHexStringLower(hsm.AuditPublicKey.Span));
        Terminal.Print(json, made, text =>
        {
            text.WriteLine($"node      {made.NodeId}");
            text.WriteLine($"token     {made.Token}, serial {made.TokenSerial}");
            foreach (MadeKey key in made.Keys)
            {
                text.WriteLine($"key       {key.Label}  {key.Algorithm}, {key.Use}");
                foreach (string missing in key.Missing)
                {
                    text.WriteLine($"          the module does not protect it here: {missing}");
                }
            }

            text.WriteLine($"database  {made.Database}, with the node's secrets sealed by the HSM");
            text.WriteLine($"audit     public key {made.AuditPublicKey}");
            text.WriteLine("next      custodian serve, with the same --config");
        });
    }
}
