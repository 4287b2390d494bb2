using System.Text.Json.Nodes;
using Custodian.Node.Host;

namespace Custodian.Node.Tests.Host;

/// <summary>A node's settings and the files that they name, enough to be loaded.</summary>
internal sealed class SettingsFolder : IDisposable
{
    private const string Jwks =
        """{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}""";

    internal string Path { get; } = Directory.CreateTempSubdirectory("custodian-settings-").FullName;

    internal SettingsFolder()
    {
        foreach (string name in (string[])["tls.pem", "tls.key", "module.so"])
        {
            File.WriteAllText(System.IO.Path.Combine(Path, name), "");
        }

        File.WriteAllText(System.IO.Path.Combine(Path, "jwks.json"), Jwks);
        var json = new JsonObject
        {
            ["node_id"] = "node-1",
            ["sets"] = new JsonArray("acme"),
            ["listen"] = "127.0.0.1:0",
            ["data"] = "data",
            ["tls"] = new JsonObject { ["certificate"] = "tls.pem", ["key"] = "tls.key" },
            ["hsm"] = new JsonObject { ["module"] = "module.so", ["token"] = "custodian" },
            ["issuers"] = new JsonArray(new JsonObject { ["issuer"] = "https://login.example", ["jwks_file"] = "jwks.json" }),
        };
        File.WriteAllText(System.IO.Path.Combine(Path, "node.json"), json.ToJsonString());
    }

    internal NodeConfiguration Load(params string[] overrides)
    {
        LoadedConfiguration loaded = ConfigurationLoader.Load(System.IO.Path.Combine(Path, "node.json"), overrides);
        Assert.Empty(loaded.Mistakes);
        return loaded.Configuration!;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
