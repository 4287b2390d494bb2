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

/// <summary>How tokens of an issuer are checked.</summary>
/// <param name="Name">Its authentication scheme.</param>
/// <param name="Watch">Who tells the operator when its keys cannot be had.</param>
/// <param name="File">Its keys, where they come from a file and not from its OpenID provider.</param>
internal sealed record IssuerScheme(string Name, ProviderWatch Watch, JwksFile? File);

/// <summary>Checks bearer tokens with ASP.NET's JwtBearer handler, one scheme per configured issuer (protocol.md section 12).</summary>
internal sealed class TokenAccess(FrozenDictionary<string, IssuerScheme> schemes, TimeProvider time) : IAccessCheck
{
    /// <summary>ASP.NET's switch: a scheme that is the only one does not become the default.</summary>
    private const string NoDefaultScheme = "Microsoft.AspNetCore.Authentication.SuppressAutoDefaultScheme";

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
            object? keys = await KeysInFileAsync(context, scheme);
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

    private async Task<AccessDecision> VerifyAsync(HttpContext context, IssuerScheme scheme, object? keys, TokenDigest digest, JsonWebToken token)
    {
        AuthenticateResult result = await context.AuthenticateAsync(scheme.Name);
        AccessDecision decision = result is { Succeeded: true, Principal: { } principal } ? TokenRules.CallerOf(principal) : Rejected;

        // Keys that were exchanged meanwhile may not be those that verified it.
        if (keys is not null && decision.Caller is not null && TokenRules.TimesOf(token) is { } times && await KeysInFileAsync(context, scheme) == keys)
        {
            _verified.Add(digest, new VerifiedToken(scheme, keys, times, decision));
        }

        return decision;
    }

    /// <summary>
    /// The keys that the handler verifies with now; null for a provider, whose keys of before count for a while in case it comes back to them:
    /// what its tokens were verified with is not known, so they are verified with every call.
    /// </summary>
    private static async Task<object?> KeysInFileAsync(HttpContext context, IssuerScheme scheme) =>
        scheme.File is { } file ? await file.GetConfigurationAsync(context.RequestAborted) : null;

    /// <summary>Registers a scheme for each issuer, and this check.</summary>
    internal static void Add(IServiceCollection services, NodeConfiguration configuration, TimeProvider time)
    {
        AuthenticationBuilder builder = AddHandlersAlone(services);
        for (int i = 0; i < configuration.Issuers.Length; i++)
        {
            IssuerSettings issuer = configuration.Issuers[i];
            builder.AddJwtBearer(NameOf(i), options => ConfigureRules(options, issuer, configuration.NodeId, time));
            services.AddOptions<JwtBearerOptions>(NameOf(i)).Configure<IAccessCheck>(
                (options, access) => ConfigureKeys(options, issuer, ((TokenAccess)access).SchemeOf(issuer)));
        }

        services.AddSingleton<IAccessCheck>(provider => Create(configuration.Issuers, provider.GetRequiredService<ILoggerFactory>(), time));
    }

    private static TokenAccess Create(IEnumerable<IssuerSettings> issuers, ILoggerFactory logs, TimeProvider time)
    {
        ILogger logger = logs.CreateLogger<TokenAccess>();
        FrozenDictionary<string, IssuerScheme> schemes = issuers.Select((issuer, i) => (issuer, i)).ToFrozenDictionary(
            e => e.issuer.Issuer,
            e => new IssuerScheme(NameOf(e.i), new ProviderWatch(e.issuer.Issuer, time, logger), FileOf(e.issuer, logs)),
            StringComparer.Ordinal);
        return new TokenAccess(schemes, time);
    }

    private static JwksFile? FileOf(IssuerSettings issuer, ILoggerFactory logs) =>
        issuer.JwksFile is { } path ? new JwksFile(issuer.Issuer, path, logs.CreateLogger<JwksFile>()) : null;

    private static string NameOf(int issuer) => $"issuer-{issuer}";

    private IssuerScheme SchemeOf(IssuerSettings issuer) => schemes[issuer.Issuer];

    /// <summary>
    /// Authentication without what cookies would need: <c>AddAuthentication</c> brings data protection along, which writes keys of its
    /// own to the home directory.
    /// </summary>
    private static AuthenticationBuilder AddHandlersAlone(IServiceCollection services)
    {
        // A scheme that is alone would be everybody's default: ASP.NET would verify every token of every call before this check looks at its
        // form and length, and with keys that may have been withdrawn when it asks for those in use.
        AppContext.SetSwitch(NoDefaultScheme, isEnabled: true);
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

    private static void ConfigureKeys(JwtBearerOptions options, IssuerSettings issuer, IssuerScheme scheme)
    {
        if (scheme.File is { } file)
        {
            options.ConfigurationManager = file;
            return;
        }

        options.Authority = issuer.Issuer;
        options.RequireHttpsMetadata = !new Uri(issuer.Issuer).IsLoopback;
        options.BackchannelTimeout = ProviderPatience;
        options.BackchannelHttpHandler = scheme.Watch.Over(issuer.CaFile is null ? new SocketsHttpHandler() : TrustOnly(issuer.CaFile));
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
