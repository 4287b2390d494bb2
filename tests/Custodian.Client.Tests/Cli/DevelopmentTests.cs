using System.Buffers.Text;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Custodian.Cli.Development;
using Custodian.Cli.Reporting;

namespace Custodian.Client.Tests.Cli;

[SupportedOSPlatform("linux")]
public sealed class DevelopmentTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task DevToken_Set_SignsOneTokenPerNodeThatTheKeySetVerifies()
    {
        await MakeIssuerAsync();
        string set = _folder.Write("set.json", """{ "nodes": [ { "node_id": "node-1.eu" }, { "node_id": "node-2.us", "address": "not yet" } ] }""");
        long before = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()).ToUnixTimeSeconds();

        int status = await new Console().RunAsync(
            "dev-token", "--dir", _folder["issuer"], "--set", set, "--subject", "@user", "--out", _folder["tokens/{node_id}.jwt"], "--lifetime", "15m");

        Assert.Equal(0, status);
        foreach (string node in new[] { "node-1.eu", "node-2.us" })
        {
            string path = _folder[$"tokens/{node}.jwt"];
            JsonElement claims = Verify(await File.ReadAllTextAsync(path));
            Assert.Equal(OwnerOnly, File.GetUnixFileMode(path));
            Assert.Equal(node, claims.GetProperty("aud").GetString());
            Assert.Equal("https://login.example", claims.GetProperty("iss").GetString());
            Assert.Equal("@user", claims.GetProperty("sub").GetString());
            Assert.Equal("custody", claims.GetProperty("scope").GetString());
            Assert.Equal(900, claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64());
            Assert.InRange(claims.GetProperty("iat").GetInt64(), before, before + 60);
        }
    }

    [Fact]
    public async Task DevIssuer_Again_KeepsTheKeyUnlessForced()
    {
        await MakeIssuerAsync();
        string key = await File.ReadAllTextAsync(_folder["issuer/issuer.key"]);
        string[] again = ["dev-issuer", "--dir", _folder["issuer"], "--issuer", "https://other.example"];

        Assert.Equal(ExitCode.Output, await new Console().RunAsync(again));
        Assert.Equal(key, await File.ReadAllTextAsync(_folder["issuer/issuer.key"]));
        Assert.Equal(ExitCode.Done, await new Console().RunAsync([.. again, "--force"]));
        Assert.NotEqual(key, await File.ReadAllTextAsync(_folder["issuer/issuer.key"]));
    }

    [Fact]
    public async Task DevIssuer_Files_KeepTheKeyPrivate()
    {
        await MakeIssuerAsync();

        Assert.Equal(OwnerOnly, File.GetUnixFileMode(_folder["issuer/issuer.key"]));
        Assert.DoesNotContain("\"d\"", await File.ReadAllTextAsync(_folder["issuer/jwks.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DevToken_NoIssuer_SaysHowToMakeOne()
    {
        using Console console = new();

        int status = await console.RunAsync("dev-token", "--dir", _folder["none"], "--set", "s", "--subject", "u", "--out", "t");

        Assert.Equal(ExitCode.Usage, status);
        Assert.Contains("hint: make one with custody dev-issuer", console.Messages, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "nodes": [] }""")]
    [InlineData("""{ "nodes": [ { "node_id": "../etc" } ] }""")]
    [InlineData("""{ "nodes": [ { "node_id": 1 } ] }""")]
    [InlineData("[1]")]
    [InlineData("nonsense")]
    public void SetNames_NoNames_IsAUsageFailure(string json) =>
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandFailedException>(() => SetNames.Read(_folder.Write("set.json", json))).ExitCode);

    [Theory]
    [InlineData("1h", 3600)]
    [InlineData("60m", 3600)]
    [InlineData("90s", 90)]
    [InlineData("2h", null)]
    [InlineData("3601s", null)]
    [InlineData("0s", null)]
    [InlineData("-1s", null)]
    [InlineData("15", null)]
    [InlineData("m", null)]
    [InlineData("", null)]
    [InlineData("1.5h", null)]
    [InlineData("99999999999s", null)]
    public void Lifetime_Text_IsAtMostAnHour(string text, int? seconds) => Assert.Equal(seconds, Lifetime.Parse(text)?.TotalSeconds);

    [Fact]
    public void Import_KeyOnAnotherCurve_IsRefused()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);

        Assert.Throws<CryptographicException>(() => DevKey.Import(Encoding.ASCII.GetBytes(other.ExportPkcs8PrivateKeyPem())));
        Assert.Throws<CryptographicException>(() => DevKey.Import("no key"u8));
    }

    private async Task MakeIssuerAsync() => Assert.Equal(
        0, await new Console().RunAsync("dev-issuer", "--dir", _folder["issuer"], "--issuer", "https://login.example"));

    private JsonElement Verify(string token)
    {
        string[] parts = token.Trim().Split('.');
        JsonElement header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0])).RootElement;
        JsonElement key = JsonDocument.Parse(File.ReadAllText(_folder["issuer/jwks.json"])).RootElement.GetProperty("keys")[0];
        using var verifier = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = { X = Base64Url.DecodeFromChars(key.GetProperty("x").GetString()), Y = Base64Url.DecodeFromChars(key.GetProperty("y").GetString()) },
        });
        Assert.Equal("ES256", header.GetProperty("alg").GetString());
        Assert.Equal(key.GetProperty("kid").GetString(), header.GetProperty("kid").GetString());
        Assert.True(verifier.VerifyData(
            Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256));
        return JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1])).RootElement;
    }
}
