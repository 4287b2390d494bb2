using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>The gRPC face of a <see cref="LyingNode"/>: messages are bytes in both directions, so that nothing is read that the lie does not read.</summary>
internal sealed class LyingService(LyingNode node)
{
    internal static Marshaller<byte[]> Bytes { get; } = Marshallers.Create<byte[]>(
        (bytes, context) => context.Complete(bytes), context => context.PayloadAsNewBuffer());

    internal static Method<byte[], byte[]> MethodOf(CustodyMethod method) =>
        new(MethodType.Unary, "custodian.v1.Custody", $"{method}", Bytes, Bytes);

    /// <summary>Starts a server in front of a node, on TLS 1.3 with a certificate of the realm's authority.</summary>
    internal static async Task<WebApplication> StartAsync(LyingNode node, CertificateAuthority authority, string folder)
    {
        authority.Issue(folder);
        using var pem = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "tls.pem"), Path.Combine(folder, "tls.key"));
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new LyingService(node));
        builder.Services.AddSingleton<IServiceMethodProvider<LyingService>, Binding>();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(NodeProcess.Host, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(https => (https.ServerCertificate, https.SslProtocols) = (certificate, SslProtocols.Tls13));
        }));
        WebApplication server = builder.Build();
        server.MapGrpcService<LyingService>();
        await server.StartAsync();
        return server;
    }

    private sealed class Binding : IServiceMethodProvider<LyingService>
    {
        public void OnServiceMethodDiscovery(ServiceMethodProviderContext<LyingService> context)
        {
            foreach (CustodyMethod method in Enum.GetValues<CustodyMethod>())
            {
                context.AddUnaryMethod(MethodOf(method), [], (service, request, call) => service.AnswerAsync(method, request, call));
            }
        }
    }

    private Task<byte[]> AnswerAsync(CustodyMethod method, byte[] request, ServerCallContext context)
    {
        var headers = new Metadata();
        foreach (Metadata.Entry header in context.RequestHeaders.Where(h => h.Key is "authorization"))
        {
            headers.Add(header);
        }

        return node.AnswerAsync(method, request, headers, context);
    }
}
