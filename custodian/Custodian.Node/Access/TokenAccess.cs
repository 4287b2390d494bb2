using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;
using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Protocol;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Net.Http.Headers;

namespace Custodian.Node.Access;

/// <summary>The authentication scheme of an issuer, and who tells the operator when its keys cannot be had.</summary>
internal sealed record IssuerScheme(string Name, ProviderWatch Watch);

/// <summary>Checks bearer tokens with ASP.NET's JwtBearer handler, one scheme per configured issuer (protocol.md section 12).</summary>
internal sealed class TokenAccess(FrozenDictionary<string, IssuerScheme> schemes, TimeProvider time) : IAccessCheck
{
    /// <summary>How long a provider may take to give its keys.</summary>
    private static readonly TimeSpan ProviderPatience = TimeSpan.FromSeconds(5);

    private const int LongestToken = 16 * 1024;
    private const int Remembered = 4096;
    private const string Bearer = "Bearer ";

    private static readonly AccessDecision Rejected = new(null, new Refusal(RefusalReason.TokenRejected));
    private static readonly JsonWebTokenHandler Handler = new();

    private readonly VerifiedTokens _verified = new(Remembered);

    /// <inheritdoc/>
    public async ValueTask<AccessDecision> CheckAsync(HttpContext context)
    {
        if (BearerOf(context) is not { } token)
        {
            return Rejected;
        }

        TokenDigest digest = TokenDigest.Of(token);
        VerifiedToken? known = _verified.Find(digest, time.GetUtcNow());
        JsonWebToken? read = null;
        if ((known?.Scheme ?? SchemeFor(token, out read)) is not { } scheme)
        {
            return Rejected;
        }

        try
        {
            object keys = await KeysOf(context, scheme);
            return known is not null && known.Keys == keys
                ? known.Decision
                : await VerifyAsync(context, scheme, keys, digest, read ?? Handler.ReadJsonWebToken(token));
        }
        catch (Exception failure) when (!context.RequestAborted.IsCancellationRequested)
        {
            // Nothing that a caller sends makes the handler throw; keys that cannot be had do, and then no token can be accepted.
            scheme.Watch.Fails(failure);
            return Rejected;
        }
    }

    private async Task<AccessDecision> VerifyAsync(HttpContext context, IssuerScheme scheme, object keys, TokenDigest digest, JsonWebToken token)
    {
        AuthenticateResult result = await context.AuthenticateAsync(scheme.Name);
        AccessDecision decision = result is { Succeeded: true, Principal: { } principal } ? TokenRules.CallerOf(principal) : Rejected;

        // Keys that were exchanged meanwhile may not be those that verified it. And a provider's keys of before count for a while, in case it
        // comes back to them: what such a token was verified with is not known, so it is verified with every call.
        if (decision.Caller is not null && ManagerOf(context, scheme) is JwksFile && TokenRules.TimesOf(token) is { } times && await KeysOf(context, scheme) == keys)
        {
            _verified.Add(digest, new VerifiedToken(scheme, keys, times, decision));
        }

        return decision;
    }

    /// <summary>The keys that the handler would verify with now.</summary>
    private static async Task<object> KeysOf(HttpContext context, IssuerScheme scheme) =>
        await ManagerOf(context, scheme).GetConfigurationAsync(context.RequestAborted);

    private static IConfigurationManager<OpenIdConnectConfiguration> ManagerOf(HttpContext context, IssuerScheme scheme) =>
        context.RequestServices.GetRequiredService<IOptionsMonitor<JwtBearerOptions>>().Get(scheme.Name).ConfigurationManager!;

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
        FrozenDictionary<string, IssuerScheme> schemes = issuers.Select((issuer, i) => (issuer, i)).ToFrozenDictionary(
            e => e.issuer.Issuer, e => new IssuerScheme(NameOf(e.i), new ProviderWatch(e.issuer.Issuer, time, logger)), StringComparer.Ordinal);
        return new TokenAccess(schemes, time);
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

    private static string? BearerOf(HttpContext context) =>
        context.Request.Headers.Authorization is [{ } header]
        && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && header.Length <= LongestToken
            ? header[Bearer.Length..]
            : null;

    /// <summary>
    /// The scheme of the issuer that the token names. The name is not verified yet: it only selects whose keys must verify it, and the
    /// handler then insists that the issuer is that one.
    /// </summary>
    private IssuerScheme? SchemeFor(string token, out JsonWebToken? read)
    {
        read = null;
        try
        {
            read = TokenForm.IsStrict(token) ? Handler.ReadJsonWebToken(token) : null;
            return read is null ? null : schemes.GetValueOrDefault(read.Issuer);
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
        LifetimeValidator = (_, _, token, _) =>
            token is JsonWebToken jwt && TokenRules.TimesOf(jwt) is { } times && TokenRules.TimesHold(times, time.GetUtcNow()),
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
