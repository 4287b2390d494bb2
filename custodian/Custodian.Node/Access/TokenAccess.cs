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

/// <summary>The authentication scheme of an issuer, and who tells the operator when its keys cannot be had.</summary>
internal sealed record IssuerScheme(string Name, ProviderWatch Watch);

/// <summary>Checks bearer tokens with ASP.NET's JwtBearer handler, one scheme per configured issuer (protocol.md section 12).</summary>
internal sealed class TokenAccess(FrozenDictionary<string, IssuerScheme> schemes) : IAccessCheck
{
    /// <summary>How long a provider may take to give its keys.</summary>
    private static readonly TimeSpan ProviderPatience = TimeSpan.FromSeconds(5);

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

        try
        {
            AuthenticateResult result = await context.AuthenticateAsync(scheme.Name);
            return result is { Succeeded: true, Principal: { } principal } ? TokenRules.CallerOf(principal) : Rejected;
        }
        catch (Exception failure) when (!context.RequestAborted.IsCancellationRequested)
        {
            // Nothing that a caller sends makes the handler throw; keys that cannot be had do, and then no token can be accepted.
            scheme.Watch.Fails(failure);
            return Rejected;
        }
    }

    /// <summary>Registers a scheme for each issuer, and this check.</summary>
    internal static void Add(IServiceCollection services, NodeConfiguration configuration, TimeProvider time)
    {
        AuthenticationBuilder builder = AddHandlersAlone(services);
        for (int i = 0; i < configuration.Issuers.Length; i++)
        {
            IssuerSettings issuer = configuration.Issuers[i];
            builder.AddJwtBearer(NameOf(i), options => ConfigureRules(options, issuer, configuration.NodeId, time));
            services.AddOptions<JwtBearerOptions>(NameOf(i)).Configure<ILoggerFactory, IAccessCheck>(
                (options, logs, access) => ConfigureKeys(options, issuer, logs, ((TokenAccess)access).WatchOf(issuer)));
        }

        services.AddSingleton<IAccessCheck>(provider => Create(configuration.Issuers, provider.GetRequiredService<ILoggerFactory>(), time));
    }

    private static TokenAccess Create(IEnumerable<IssuerSettings> issuers, ILoggerFactory logs, TimeProvider time)
    {
        ILogger logger = logs.CreateLogger<TokenAccess>();
        return new TokenAccess(issuers.Select((issuer, i) => (issuer, i)).ToFrozenDictionary(
            e => e.issuer.Issuer, e => new IssuerScheme(NameOf(e.i), new ProviderWatch(e.issuer.Issuer, time, logger)), StringComparer.Ordinal));
    }

    private static string NameOf(int issuer) => $"issuer-{issuer}";

    private ProviderWatch WatchOf(IssuerSettings issuer) => schemes[issuer.Issuer].Watch;

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
    private IssuerScheme? SchemeFor(HttpContext context)
    {
        if (context.Request.Headers.Authorization is not [{ } header]
            || !header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) || header.Length > LongestToken)
        {
            return null;
        }

        string token = header[Bearer.Length..];
        try
        {
            return TokenForm.IsStrict(token) ? schemes.GetValueOrDefault(Handler.ReadJsonWebToken(token).Issuer) : null;
        }
        catch (Exception malformed) when (malformed is ArgumentException or SecurityTokenException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void ConfigureRules(JwtBearerOptions options, IssuerSettings issuer, NodeId node, TimeProvider time)
    {
        options.MapInboundClaims = false;
        options.IncludeErrorDetails = false;
        options.TokenValidationParameters = Rules(issuer, node, time);
    }

    private static void ConfigureKeys(JwtBearerOptions options, IssuerSettings issuer, ILoggerFactory logs, ProviderWatch watch)
    {
        if (issuer.JwksFile is not null)
        {
            options.ConfigurationManager = new JwksFile(issuer.Issuer, issuer.JwksFile, logs.CreateLogger<JwksFile>());
            return;
        }

        options.Authority = issuer.Issuer;
        options.RequireHttpsMetadata = !new Uri(issuer.Issuer).IsLoopback;
        options.BackchannelTimeout = ProviderPatience;
        options.BackchannelHttpHandler = watch.Over(issuer.CaFile is null ? new SocketsHttpHandler() : TrustOnly(issuer.CaFile));
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
