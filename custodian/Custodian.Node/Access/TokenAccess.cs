using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;
using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Protocol;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Net.Http.Headers;

namespace Custodian.Node.Access;

/// <summary>Checks bearer tokens with ASP.NET's JwtBearer handler, one scheme per configured issuer (protocol.md section 12).</summary>
internal sealed class TokenAccess(FrozenDictionary<string, string> schemeOfIssuer) : IAccessCheck
{
    private const int LongestToken = 16 * 1024;
    private const string Bearer = "Bearer ";

    private static readonly AccessDecision Rejected = new(null, new Refusal(RefusalReason.TokenRejected));
    private static readonly JsonWebTokenHandler Handler = new();

    /// <inheritdoc/>
    public async ValueTask<AccessDecision> CheckAsync(HttpContext context)
    {
        if (SchemeFor(context) is not { } scheme)
        {
            return Rejected;
        }

        AuthenticateResult result = await context.AuthenticateAsync(scheme);
        return result is { Succeeded: true, Principal: { } principal } ? TokenRules.CallerOf(principal) : Rejected;
    }

    /// <summary>Registers a scheme for each issuer, and this check.</summary>
    internal static void Add(IServiceCollection services, NodeConfiguration configuration, TimeProvider time)
    {
        AuthenticationBuilder builder = AddHandlersAlone(services);
        var schemes = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < configuration.Issuers.Length; i++)
        {
            IssuerSettings issuer = configuration.Issuers[i];
            schemes.Add(issuer.Issuer, $"issuer-{i}");
            builder.AddJwtBearer(schemes[issuer.Issuer], options => Configure(options, issuer, configuration.NodeId, time));
        }

        services.AddSingleton<IAccessCheck>(new TokenAccess(schemes.ToFrozenDictionary(StringComparer.Ordinal)));
    }

    /// <summary>
    /// Authentication without what cookies would need: <c>AddAuthentication</c> brings data protection along, which writes keys of its
    /// own to the home directory.
    /// </summary>
    private static AuthenticationBuilder AddHandlersAlone(IServiceCollection services)
    {
        services.AddAuthenticationCore();
        services.AddWebEncoders();
        services.AddSingleton<IAuthenticationConfigurationProvider, NoConfiguredSchemes>();
        return new AuthenticationBuilder(services);
    }

    /// <summary>
    /// The scheme of the issuer that the token names. The name is not verified yet: it only selects whose keys must verify it, and the
    /// handler then insists that the issuer is that one.
    /// </summary>
    private string? SchemeFor(HttpContext context)
    {
        if (context.Request.Headers.Authorization is not [{ } header]
            || !header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) || header.Length > LongestToken)
        {
            return null;
        }

        try
        {
            return schemeOfIssuer.GetValueOrDefault(Handler.ReadJsonWebToken(header[Bearer.Length..]).Issuer);
        }
        catch (Exception malformed) when (malformed is ArgumentException or SecurityTokenException or FormatException)
        {
            return null;
        }
    }

    private static void Configure(JwtBearerOptions options, IssuerSettings issuer, NodeId node, TimeProvider time)
    {
        options.MapInboundClaims = false;
        options.IncludeErrorDetails = false;
        options.TokenValidationParameters = Rules(issuer, node, time);
        if (issuer.JwksFile is not null)
        {
            options.ConfigurationManager = new JwksFile(issuer.Issuer, issuer.JwksFile);
            return;
        }

        options.Authority = issuer.Issuer;
        options.RequireHttpsMetadata = !new Uri(issuer.Issuer).IsLoopback;
        if (issuer.CaFile is not null)
        {
            options.BackchannelHttpHandler = TrustOnly(issuer.CaFile);
        }
    }

    private static TokenValidationParameters Rules(IssuerSettings issuer, NodeId node, TimeProvider time) => new()
    {
        ValidIssuer = issuer.Issuer,
        ValidAlgorithms = TokenRules.Algorithms,
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ClockSkew = TokenRules.Leeway,
        AudienceValidator = (audiences, _, _) => TokenRules.IsForNodeAlone(audiences, node),
        LifetimeValidator = (_, _, token, _) => token is JsonWebToken jwt && TokenRules.TimesHold(jwt, time.GetUtcNow()),
    };

    private static SocketsHttpHandler TrustOnly(string caFile)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(caFile);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } };
    }

    /// <summary>Schemes come from the node's own configuration, never from settings that the framework looks up by itself.</summary>
    private sealed class NoConfiguredSchemes : IAuthenticationConfigurationProvider
    {
        public IConfiguration AuthenticationConfiguration { get; } = new ConfigurationBuilder().Build();
    }
}
