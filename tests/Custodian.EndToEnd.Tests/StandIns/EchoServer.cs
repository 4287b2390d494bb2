using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Custodian.EndToEnd.Tests.StandIns;

/// <summary>An official server on TLS and HTTP/2, and an official client that trusts its certificate alone, in one process.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly X509Certificate2 certificate;
    private readonly WarningLogs logs;
    private readonly List<IDisposable> opened = [];

    private EchoServer(WebApplication application, X509Certificate2 certificate, WarningLogs logs)
    {
        this.application = application;
        this.certificate = certificate;
        this.logs = logs;
        Address = application.Urls.Single();
    }

    public static async Task<EchoServer> StartAsync(Func<Words, ServerCallContext, Task<Words>> say, Type? interceptor = null)
    {
        var logs = new WarningLogs();
        X509Certificate2 certificate = SelfSigned();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(logs);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(certificate);
        }));
        builder.Services.AddSingleton(new EchoService(say));
        builder.Services.AddGrpc(options =>
        {
            if (interceptor is not null)
            {
                options.Interceptors.Add(interceptor);
            }
        });
        WebApplication application = builder.Build();
        application.MapGrpcService<EchoService>();
        await application.StartAsync();
        return new EchoServer(application, certificate, logs);
    }

    public string Address { get; }

    public GrpcChannel Channel(ChannelCredentials? credentials = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, presented, _, _)
            => presented is not null && presented.GetRawCertData().AsSpan().SequenceEqual(certificate.RawData);
        var channel = GrpcChannel.ForAddress(
            Address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, Credentials = credentials });
        opened.Add(channel);
        return channel;
    }

    public Echo.EchoClient Client() => new(Channel());

    public async ValueTask DisposeAsync()
    {
        opened.ForEach(channel => channel.Dispose());
        await application.DisposeAsync();
        certificate.Dispose();
        Assert.Empty(logs.Entries);
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(1));
    }

    /// <summary>Keeps what is logged at warning or above, so that a server a test did not expect to complain fails it.</summary>
    private sealed class WarningLogs : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Entries { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Entries.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}
