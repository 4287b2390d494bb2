using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>A certified OpenID provider (npm's oidc-provider) as a process of its own on loopback.</summary>
internal sealed class OidcProvider : IAsyncDisposable
{
    private const string ClientSecret = "a secret between the provider and a test";

    private static readonly string Source = Path.Combine(Programs.Root, "tests/oidc-provider");

    private readonly string _folder;
    private readonly ChildProcess _process;
    private readonly HttpClient _http = new();

    private OidcProvider(string folder, ChildProcess process, string issuer) => (_folder, _process, Issuer) = (folder, process, issuer);

    /// <summary>The package and its version, as npm takes them.</summary>
    internal static string Package { get; } =
        $"oidc-provider@{JsonNode.Parse(File.ReadAllText(Path.Combine(Source, "package.json")))!["dependencies"]!["oidc-provider"]}";

    /// <summary>Its issuer URL.</summary>
    internal string Issuer { get; }

    /// <summary>Installs it into a temporary folder and starts it.</summary>
    /// <param name="clients">The names of its clients, which are the subjects of their tokens.</param>
    internal static async Task<OidcProvider> StartAsync(params string[] clients)
    {
        string folder = Directory.CreateTempSubdirectory("oidc-provider-").FullName;
        ChildProcess? process = null;
        try
        {
            await InstallAsync(folder);
            string accounts = JsonSerializer.Serialize(clients.ToDictionary(c => c, _ => ClientSecret));
            process = ChildProcess.Start(
                "node", [Path.Combine(folder, "provider.mjs")], new Dictionary<string, string> { ["CLIENTS"] = accounts });
            string printed = await process.Output.UntilAsync(text => text.Contains('\n', StringComparison.Ordinal));
            return new OidcProvider(folder, process, printed.Trim());
        }
        catch
        {
            await (process?.DisposeAsync() ?? ValueTask.CompletedTask);
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>An access token for one node.</summary>
    /// <param name="client">Whose.</param>
    /// <param name="nodeId">The node that is named as the resource.</param>
    /// <param name="scope">The scope that is asked for.</param>
    internal async Task<string> TokenAsync(string client, string nodeId, string? scope = "custody")
    {
        Dictionary<string, string> form = new() { ["grant_type"] = "client_credentials", ["resource"] = $"urn:custodian:{nodeId}" };
        if (scope is not null)
        {
            form["scope"] = scope;
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Issuer}/token") { Content = new FormUrlEncodedContent(form) };
        string credentials = $"{client}:{Uri.EscapeDataString(ClientSecret)}";
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        using HttpResponseMessage response = await _http.SendAsync(request);
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode} {body}{_process.Error.SoFar}");
        return (string)JsonNode.Parse(body)!["access_token"]!;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task InstallAsync(string folder)
    {
        foreach (string file in new[] { "package.json", "provider.mjs" })
        {
            File.Copy(Path.Combine(Source, file), Path.Combine(folder, file));
        }

        // One stalled download may take five minutes by default.
        Expect.Success(await ChildProcess.RunAsync(
            "npm",
            [
                "install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline",
                "--fetch-timeout=10000", "--fetch-retries=5", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000",
            ]));
    }
}
