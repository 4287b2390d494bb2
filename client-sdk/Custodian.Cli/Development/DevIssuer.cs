using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Cli.Development;

/// <summary>
/// An issuer of tokens for development, in a folder: <c>issuer.key</c> (mode 0600), <c>issuer.json</c> with its name, and
/// <c>jwks.json</c>, which a node must be configured with before it trusts anything from here.
/// </summary>
internal sealed class DevIssuer : IDisposable
{
    private const string KeyFile = "issuer.key";
    private const string NameFile = "issuer.json";

    /// <summary>The file of public keys, for a node's configuration.</summary>
    internal const string KeySetFile = "jwks.json";

    private readonly DevKey _key;

    private DevIssuer(string name, DevKey key) => (Name, _key) = (name, key);

    /// <summary>The issuer's name, <c>iss</c>.</summary>
    internal string Name { get; }

    /// <summary>The signing key's name.</summary>
    internal string KeyId => _key.Id;

    /// <summary>Makes a key, and writes the three files. An interruption leaves a key without its public files: made again with force.</summary>
    /// <exception cref="CommandFailedException">There is a key already, or the folder cannot be written.</exception>
    internal static DevIssuer Create(string folder, string name, bool force)
    {
        PrivateFolder.Create(folder);
        using PrivateFile keyFile = PrivateFile.Claim(Path.Combine(folder, KeyFile), force);
        using PrivateFile nameFile = PrivateFile.Claim(Path.Combine(folder, NameFile), overwrite: true);
        DevIssuer issuer = new(name, DevKey.Generate());
        issuer._key.Export(pem => keyFile.Commit(pem));
        nameFile.Commit(JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["issuer"] = name }));
        File.WriteAllText(Path.Combine(folder, KeySetFile), issuer._key.KeySet);
        return issuer;
    }

    /// <summary>Opens what <see cref="Create"/> wrote.</summary>
    /// <exception cref="CommandFailedException">It is not there, or damaged.</exception>
    internal static DevIssuer Open(string folder)
    {
        byte[] pem = [];
        try
        {
            pem = File.ReadAllBytes(Path.Combine(folder, KeyFile));
            return new DevIssuer(ReadName(Path.Combine(folder, NameFile)), DevKey.Import(pem));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or FormatException)
        {
            throw CommandFailedException.Usage(
                $"there is no development issuer in {folder}: {Wording.Of(error)}", "make one with custody dev-issuer");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pem);
        }
    }

    /// <summary>A token for one node, as protocol.md section 12 asks for it.</summary>
    /// <param name="subject">Whose account.</param>
    /// <param name="node">The only audience.</param>
    /// <param name="issued">When it begins, cut to the second.</param>
    /// <param name="lifetime">Until when it is good, at most an hour.</param>
    internal string Sign(string subject, NodeId node, DateTimeOffset issued, TimeSpan lifetime)
    {
        long from = issued.ToUnixTimeSeconds();
        return JsonWebToken.Sign(
            new JsonObject { ["alg"] = "ES256", ["typ"] = "JWT", ["kid"] = KeyId },
            new JsonObject
            {
                ["iss"] = Name,
                ["sub"] = subject,
                ["aud"] = node.Value,
                ["iat"] = from,
                ["exp"] = from + (long)lifetime.TotalSeconds,
                ["scope"] = "custody",
            },
            _key.Sign);
    }

    /// <summary>Drops the key.</summary>
    public void Dispose() => _key.Dispose();

    private static string ReadName(string path)
    {
        try
        {
            return (string?)JsonNode.Parse(File.ReadAllBytes(path))?["issuer"] ?? throw new FormatException($"{path} names no issuer");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FormatException($"{path} names no issuer", error);
        }
    }
}
