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
    /// <summary>How long a stop waits for the calls it has accepted. Longer than any call may take.</summary>
    internal static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(40);

    internal static WebApplication Build(NodeConfiguration configuration, NodeRuntime runtime, ServerCertificate certificate)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.Configuration.Sources.Clear();
        ConfigureLogging(builder.Logging);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => ConfigureKestrel(kestrel, configuration, certificate));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = StopPatience);
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
        logging.AddJsonConsole(o => o.UseUtcTimestamp = true);
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Grpc", LogLevel.Warning);
    }

    private static void ConfigureKestrel(KestrelServerOptions kestrel, NodeConfiguration configuration, ServerCertificate certificate)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = configuration.MaxConnections;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);

        // A client that vanished without a word, such as a phone without a network, does not keep its connection.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        kestrel.Limits.MaxRequestBodySize = 256 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Listen(configuration.Listen, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http1AndHttp2;
            endpoint.UseHttps(https =>
            {
                https.SslProtocols = SslProtocols.Tls13;
                https.ServerCertificate = certificate.Certificate;
                https.ServerCertificateChain = certificate.Intermediates;
            });
        });
    }

    private static void Map(WebApplication app, Readiness readiness)
    {
        app.MapCustodyApi();
        app.MapGet("/livez", () => Results.Text("live\n"));
        app.MapGet("/readyz", () => Ready(readiness.Current));
    }
}
