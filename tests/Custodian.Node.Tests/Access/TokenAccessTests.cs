using System.Net;
using System.Security.Cryptography;
using System.Text;
using Custodian.Node.Access;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Host;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Custodian.Node.Tests.Access;

public sealed class TokenAccessTests : IDisposable
{
    private readonly SettingsFolder _settings = new();
    private readonly TestLog _log = new();

    [Fact]
    public async Task Add_OneIssuer_LeavesTokensToTheCheckAlone()
    {
        await using ServiceProvider services = Services();

        var schemes = services.GetRequiredService<IAuthenticationSchemeProvider>();

        Assert.Single(await schemes.GetAllSchemesAsync());
        Assert.Null(await schemes.GetDefaultAuthenticateSchemeAsync());
    }

    [Fact]
    public async Task Check_ProviderAnswersWithNoKeys_RejectsAndTellsTheOperator()
    {
        using var provider = new BareProvider("<html>come back later</html>");
        await using ServiceProvider services = Services($"issuers:0:issuer={provider.Address}", "issuers:0:jwks_file=");
        var context = new DefaultHttpContext { RequestServices = services };
        context.Request.Headers.Authorization = $"Bearer {TokenOf(provider.Address)}";

        AccessDecision decision = await services.GetRequiredService<IAccessCheck>().CheckAsync(context);

        Assert.NotNull(decision.Refusal);
        Assert.Contains(provider.Address, Assert.Single(_log.TakeWarnings()), StringComparison.Ordinal);
    }

    public void Dispose() => _settings.Dispose();

    private ServiceProvider Services(params string[] overrides)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddProvider(_log));
        TokenAccess.Add(services, _settings.Load(overrides), TimeProvider.System);
        return services.BuildServiceProvider();
    }

    private static string TokenOf(string issuer)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = "node-1",
            Claims = new Dictionary<string, object> { ["sub"] = "somebody" },
            SigningCredentials = new SigningCredentials(new ECDsaSecurityKey(key) { KeyId = "a" }, SecurityAlgorithms.EcdsaSha256),
        });
    }

    /// <summary>Answers everything with status 200 and the same text.</summary>
    private sealed class BareProvider : IDisposable
    {
        private readonly HttpListener _listener = new();

        internal BareProvider(string text)
        {
            Address = $"http://127.0.0.1:{FreePort()}";
            _listener.Prefixes.Add(Address + "/");
            _listener.Start();
            _ = AnswerAsync(Encoding.UTF8.GetBytes(text));
        }

        internal string Address { get; }

        public void Dispose() => _listener.Close();

        private static int FreePort()
        {
            using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            return ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        private async Task AnswerAsync(byte[] text)
        {
            try
            {
                while (true)
                {
                    HttpListenerContext call = await _listener.GetContextAsync();
                    await call.Response.OutputStream.WriteAsync(text);
                    call.Response.Close();
                }
            }
            catch (Exception end) when (end is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
