using Custodian.Node.Api.Calls;
using Custodian.Node.Api.Health;
using Custodian.Node.Api.Rates;
using Grpc.AspNetCore.Server;
using Grpc.AspNetCore.Server.Model;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Custodian.Node.Api;

/// <summary>How a host takes the API in.</summary>
internal static class ApiServices
{
    /// <summary>
    /// Registers the service of protocol.md section 12 and <c>grpc.health.v1.Health</c>. The host registers IHsm, IAccountStore and
    /// IAccessCheck besides, and CallLimits and a TimeProvider where they are not the defaults.
    /// </summary>
    internal static IServiceCollection AddCustodyApi(this IServiceCollection services, NodeProfile profile)
    {
        services.AddMetrics();
        services.AddGrpc(options => Configure(options, profile));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Readiness>();
        services.AddSingleton(profile);
        services.TryAddSingleton<CallLimits>();
        services.AddSingleton<ApiMetrics>();
        services.AddSingleton<CallRates>();
        services.AddSingleton<CallPlaces>();
        services.AddSingleton<HsmLine>();
        services.AddSingleton<FloodLog>();
        services.AddSingleton<StorageWatch>();
        services.AddSingleton<HsmContext>();
        services.AddSingleton<PrepareFlow>();
        services.AddSingleton<DepositFlow>();
        services.AddSingleton<EvaluateFlow>();
        services.AddSingleton<RecordFlow>();
        services.AddSingleton<DescribeFlow>();
        services.AddSingleton<CallPipeline>();
        services.AddSingleton<CustodyService>();
        services.AddSingleton<HealthService>();
        services.AddSingleton<IServiceMethodProvider<CustodyService>, CustodyBinding>();
        return services;
    }

    /// <summary>Maps the calls that <see cref="AddCustodyApi"/> registered.</summary>
    internal static void MapCustodyApi(this IEndpointRouteBuilder endpoints)
    {
        IServiceProvider services = endpoints.ServiceProvider;
        NodeProfile profile = services.GetRequiredService<NodeProfile>();
        TimeProvider time = services.GetRequiredService<TimeProvider>();
        GrpcServiceEndpointConventionBuilder custody = endpoints.MapGrpcService<CustodyService>();
        RequestFraming.Guard(custody, profile, time);
        CallGate.Guard(custody, services.GetRequiredService<CallRates>(), services.GetRequiredService<CallPlaces>());

        // Probes are outside the gate: a balancer must not take a node for dead because one of its clients floods.
        RequestFraming.Guard(endpoints.MapGrpcService<HealthService>(), profile, time);
    }

    private static void Configure(GrpcServiceOptions options, NodeProfile profile)
    {
        options.EnableDetailedErrors = false;
        options.MaxReceiveMessageSize = profile.MaxRequestBytes;

        // Secrets and compression do not mix: the length of a compressed answer tells of its content. Clearing the list of providers
        // would not switch it off, since gRPC puts its own back; RequestFraming keeps compressed requests out.
        options.ResponseCompressionAlgorithm = null;
    }
}
