using System.Security.Authentication;
using Custodian.Node.Access;
using Custodian.Node.Api;
using Custodian.Node.Api.Health;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Custodian.Node.Host;

/// <summary>Puts the server together: Kestrel with TLS 1.3 only, the token check, the calls and the probes.</summary>
internal static class WebHost
{
    internal static WebApplication Build(NodeConfiguration configuration, NodeRuntime runtime, ServerCertificate certificate)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.Configuration.Sources.Clear();
        ConfigureLogging(builder.Logging);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => ConfigureKestrel(kestrel, configuration, certificate));

        // A stop waits for the calls that were accepted.
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = configuration.LongestCall);
        builder.Services.AddSingleton(TimeProvider.System);
        TokenAccess.Add(builder.Services, configuration, TimeProvider.System);
        runtime.AddTo(builder.Services);
        WebApplication app = builder.Build();
        Map(app, runtime.Readiness);
        return app;
    }

    private static IResult Ready(ReadinessState state) => Results.Text(
        state.Summary + "\n", statusCode: state.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);

    /// <summary>The address it listens on, with the port that was taken where the configuration says 0.</summary>
    internal static string AddressOf(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    private static void ConfigureLogging(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddNodeLog();
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Grpc", LogLevel.Warning);

        // What a peer does to its own connection is no news, and Kestrel writes a critical line for every frame of some floods, gRPC an
        // error with its stack for every call whose connection breaks: a log, and a disk, that anyone could fill without a token. The
        // meters count these; what goes wrong in a call CallPipeline logs itself.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.Http2", LogLevel.None);
        logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.None);

        // What keeps the host from starting is thrown, and the command says it in one line.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
    }

    private static void ConfigureKestrel(KestrelServerOptions kestrel, NodeConfiguration configuration, ServerCertificate certificate)
    {
        kestrel.AddServerHeader = false;
        ConfigureLimits(kestrel.Limits, configuration.Deadlines);
        kestrel.Listen(configuration.Listen, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http1AndHttp2;
            ConnectionGate.Guard(endpoint, configuration.Limits, handshake: () => endpoint.UseHttps(https =>
            {
                https.SslProtocols = SslProtocols.Tls13;
                https.HandshakeTimeout = configuration.Deadlines.Handshake;
                https.ServerCertificate = certificate.Certificate;
                https.ServerCertificateChain = certificate.Intermediates;
            }));
        });
    }

    /// <summary>
    /// What one connection may take, each on purpose: a client on a bad mobile network keeps within all of it. What a connection has sent
    /// and nobody has read yet is at most its window, so that the sum over all connections is bounded too.
    /// </summary>
    private static void ConfigureLimits(KestrelServerLimits limits, DeadlineSettings deadlines)
    {
        limits.MaxConcurrentUpgradedConnections = 0;
        limits.RequestHeadersTimeout = deadlines.Headers;
        limits.KeepAliveTimeout = deadlines.KeepAlive;
        limits.MaxRequestBodySize = 256 * 1024;
        limits.MaxRequestHeadersTotalSize = 32 * 1024;
        limits.MaxRequestHeaderCount = 50;
        limits.MaxRequestLineSize = 4 * 1024;
        limits.MinRequestBodyDataRate = new MinDataRate(deadlines.LowestRate, gracePeriod: TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new MinDataRate(deadlines.LowestRate, gracePeriod: TimeSpan.FromSeconds(5));
        limits.Http2.MaxStreamsPerConnection = 100;
        limits.Http2.InitialStreamWindowSize = 128 * 1024;
        limits.Http2.InitialConnectionWindowSize = 256 * 1024;

        // The longest header is that of a token.
        limits.Http2.MaxRequestHeaderFieldSize = 20 * 1024;

        // A client that vanished without a word, such as a phone without a network, does not keep its connection.
        limits.Http2.KeepAlivePingDelay = deadlines.Ping;
        limits.Http2.KeepAlivePingTimeout = deadlines.PingAnswer;
    }

    private static void Map(WebApplication app, Readiness readiness)
    {
        app.MapCustodyApi();
        app.MapGet("/livez", () => Results.Text("live\n"));
        app.MapGet("/readyz", () => Ready(readiness.Current));
    }
}
