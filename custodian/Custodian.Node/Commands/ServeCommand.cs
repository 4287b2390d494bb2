using System.CommandLine;
using Custodian.Node.Host;
using Microsoft.AspNetCore.Connections;

namespace Custodian.Node.Commands;

/// <summary><c>custodian serve</c>.</summary>
internal static class ServeCommand
{
    internal const string Name = "serve";

    internal static Command Build()
    {
        var common = new CommonOptions();
        var readyFile = new Option<string?>("--ready-file")
        {
            Description = "a file to write the address to once the node serves, for scripts that wait for it; removed when the node stops",
        };
        return common.Build(
            Name,
            "Serves until SIGTERM or SIGINT; then takes no new calls, finishes those it accepted, and exits.",
            [readyFile],
            (parsed, configuration, cancellation) => RunAsync(configuration, parsed.GetValue(readyFile), cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, string? readyFile, CancellationToken cancellation)
    {
        ServerCertificate certificate = ServerCertificate.Load(configuration.Tls);
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation, migrate: true, isolate: true);
        await using WebApplication app = WebHost.Build(configuration, runtime, certificate);
        await using AcceptanceWatch acceptance = await AcceptanceWatch.StartAsync(runtime, app.Logger, cancellation);
        await ListenAsync(app, configuration, cancellation);
        using var ready = ReadyFile.Write(readyFile, WebHost.AddressOf(app));
        HostLog.Serving(app.Logger, configuration.NodeId, WebHost.AddressOf(app), certificate.Pin);
        await using KeyWatch keys = runtime.WatchKeys(app);
        await using HealthLoop health = HealthLoop.Start(runtime, app.Lifetime, app.Logger);
        await using StorageLoop storage = StorageLoop.Start(runtime, app.Logger);
        await app.WaitForShutdownAsync(cancellation);
        return runtime.StoreFailure.IsCompleted || health.HsmIsLost ? ExitCode.Failed : ExitCode.Done;
    }

    private static async Task ListenAsync(WebApplication app, NodeConfiguration configuration, CancellationToken cancellation)
    {
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (IOException taken) when (taken.InnerException is AddressInUseException)
        {
            throw new NodeStartException(
                $"another process listens at {configuration.Listen}, perhaps this node already; stop that one, or name another port as 'listen'", taken);
        }
    }
}
