using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Custodian.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Custodian.Client.Tests;

/// <summary>
/// A node in this process: a real gRPC server over TLS 1.3 on a loopback port of its own, honest unless its script says otherwise.
/// </summary>
internal sealed class ScriptedNode : IAsyncDisposable
{
    private WebApplication? _server;

    private ScriptedNode(NodeId id, SetId set, X509Certificate2 certificate)
    {
        (Id, Set, Certificate) = (id, set, certificate);
        Rules = new NodeRules(id, set);
    }

    internal NodeId Id { get; }

    internal SetId Set { get; }

    internal X509Certificate2 Certificate { get; }

    internal NodeRules Rules { get; }

    internal NodeScript Script { get; } = new();

    internal Uri Address { get; private set; } = new("https://127.0.0.1:1");

    internal static async Task<ScriptedNode> StartAsync(string id, SetId set, X509Certificate2? certificate = null)
    {
        ScriptedNode node = new(NodeId.Parse(id), set, certificate ?? TestCertificate.SelfSigned());
        await node.StartAsync();
        return node;
    }

    /// <summary>Starts, or starts again at the same port.</summary>
    internal async Task StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(this);
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback,
            Address.Port == 1 ? 0 : Address.Port,
            listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(https =>
                {
                    https.ServerCertificate = Certificate;
                    https.SslProtocols = SslProtocols.Tls13;
                });
            }));
        _server = builder.Build();
        _server.MapGrpcService<ScriptedService>();
        await _server.StartAsync();
        Address = new Uri(_server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    /// <summary>Stops answering at all, as a node whose machine is gone; what it stored stays.</summary>
    internal async Task StopAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            using CancellationTokenSource atOnce = new();
            await atOnce.CancelAsync();
            await server.StopAsync(atOnce.Token);
            await server.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync();
}
