using System.Security.Cryptography;
using Custodian.Node.Access;
using Custodian.Node.Tests.Api.Node;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Custodian.Node.Tests.Access;

public sealed class JwksFileTests : IDisposable
{
    private const string Issuer = "https://login.example";

    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-jwks-").FullName;
    private readonly TestLog _log = new();

    private string File => Path.Combine(_folder, "jwks.json");

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-2")]
    [InlineData("{\"keys\":[]}")]
    [InlineData("null")]
    public async Task GetConfiguration_FileSpoilt_KeepsTheLastGoodKeysAndSaysSoOnce(string? spoilt)
    {
        Write(Jwks("a"));
        JwksFile keys = Open();
        Assert.Equal(["a"], await KeyIdsAsync(keys));
        Write(spoilt);
        Assert.Equal(["a"], await KeyIdsAsync(keys));
        Assert.Equal(["a"], await KeyIdsAsync(keys));
        Assert.Contains("cannot be used", Assert.Single(_log.TakeWarnings()), StringComparison.Ordinal);
        Write(Jwks("a", "b"));
        Assert.Equal(["a", "b"], await KeyIdsAsync(keys));
        Assert.Empty(_log.TakeWarnings());
    }

    [Fact]
    public async Task GetConfiguration_NeverAnyKeys_GivesNoneAndDoesNotThrow()
    {
        JwksFile keys = Open();
        Assert.Empty(await KeyIdsAsync(keys));
        Assert.Single(_log.TakeWarnings());
        Write(Jwks("a"));
        Assert.Equal(["a"], await KeyIdsAsync(keys));
    }

    [Fact]
    public async Task RequestRefresh_FileUnchanged_DoesNotReadItAgain()
    {
        Write(Jwks("a"));
        JwksFile keys = Open();
        OpenIdConnectConfiguration first = await keys.GetConfigurationAsync(CancellationToken.None);
        keys.RequestRefresh();
        Assert.Same(first, await keys.GetConfigurationAsync(CancellationToken.None));
    }

    [Fact]
    public void ProviderWatch_FailingAgainAndAgain_WarnsOnceAMinute()
    {
        var clock = new ManualClock();
        var watch = new ProviderWatch(Issuer, clock, _log.CreateLogger("access"));
        watch.Fails(new HttpRequestException("no route"));
        watch.Fails(new HttpRequestException("no route"));
        Assert.Single(_log.TakeWarnings());
        clock.Advance(TimeSpan.FromMinutes(1));
        watch.Fails(new HttpRequestException("no route"));
        Assert.Single(_log.TakeWarnings());
    }

    /// <summary>Start-up tells these two apart from faults of the node itself, and names the setting.</summary>
    [Fact]
    public void Parse_Mutated_IsKeysOrNoJwks()
    {
        string good = Jwks("a", "b");
        Assert.Equal(2, JwksFile.Parse(Issuer, good).SigningKeys.Count);
        int refused = 0;
        foreach (string mutant in Mutants.OfText(good, Effort.Times(4_000, 400_000), "jwks"))
        {
            try
            {
                Assert.InRange(JwksFile.Parse(Issuer, mutant).SigningKeys.Count, 1, 4);
            }
            catch (Exception none) when (none is ArgumentException or InvalidDataException)
            {
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
    }

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Jwks(params string[] ids)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ECParameters point = key.ExportParameters(includePrivateParameters: false);
        string x = Base64UrlEncoder.Encode(point.Q.X), y = Base64UrlEncoder.Encode(point.Q.Y);
        IEnumerable<string> keys = ids.Select(
            id => $$"""{"kty":"EC","crv":"P-256","use":"sig","kid":"{{id}}","x":"{{x}}","y":"{{y}}"}""");
        return $$"""{"keys":[{{string.Join(',', keys)}}]}""";
    }

    private static async Task<IEnumerable<string>> KeyIdsAsync(JwksFile keys) =>
        (await keys.GetConfigurationAsync(CancellationToken.None)).SigningKeys.Select(k => k.KeyId);

    private JwksFile Open() => new(Issuer, File, _log.CreateLogger("access"));

    private void Write(string? json)
    {
        System.IO.File.Delete(File);
        if (json is not null)
        {
            System.IO.File.WriteAllText(File, json);
        }
    }
}
