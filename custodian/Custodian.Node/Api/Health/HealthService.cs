using Custodian.Node.Api.Health.Wire;
using Custodian.Node.Api.Rates;
using Grpc.Core;
using ServingStatus = Custodian.Node.Api.Health.Wire.HealthCheckResponse.Types.ServingStatus;

namespace Custodian.Node.Api.Health;

/// <summary>
/// <c>grpc.health.v1.Health</c>, for load balancers and probes: no token, and no word but serving or not. It knows the whole server (the
/// empty name) and the custody service; they are ready together.
/// </summary>
internal sealed class HealthService(Readiness readiness, CallLimits limits, IHostApplicationLifetime lifetime) : Wire.Health.HealthBase
{
    private readonly Places<int> _watches = new(limits.Watches);
    private readonly Places<UInt128> _watchesOfAddress = new(limits.WatchesOfAddress);

    /// <summary>The status now; NOT_FOUND for a service that this server does not have.</summary>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        IsKnown(request.Service, context)
            ? Task.FromResult(Response(readiness.Current))
            : throw new RpcException(new Status(StatusCode.NotFound, "no such service"));

    /// <summary>
    /// The status now and whenever it changes, until the caller goes or the node stops. An unknown service is SERVICE_UNKNOWN, and the
    /// stream stays open, as the published protocol has it. Streams cost memory for as long as they stay, so there are only so many, and
    /// only so many of them for one address, that nobody takes those of the balancers: RESOURCE_EXHAUSTED beyond.
    /// </summary>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        bool known = IsKnown(request.Service, context);
        UInt128 address = ClientAddress.KeyOf(context.GetHttpContext().Connection.RemoteIpAddress);
        if (!TryTake(address))
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, "as many watches as this node takes; ask by Check"));
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await (known ? FollowAsync(responseStream, ending.Token) : HoldUnknownAsync(responseStream, ending.Token));
        }
        catch (OperationCanceledException)
        {
            // A stream that outlives the node would keep its graceful stop waiting.
            throw new RpcException(new Status(StatusCode.Unavailable, "the watch is over"));
        }
        finally
        {
            _watches.GiveBack(0);
            _watchesOfAddress.GiveBack(address);
        }
    }

    private bool TryTake(UInt128 address)
    {
        if (!_watchesOfAddress.TryTake(address))
        {
            return false;
        }

        bool taken = _watches.TryTake(0);
        if (!taken)
        {
            _watchesOfAddress.GiveBack(address);
        }

        return taken;
    }

    private async Task FollowAsync(IServerStreamWriter<HealthCheckResponse> stream, CancellationToken ending)
    {
        ServingStatus? last = null;
        while (true)
        {
            ReadinessState state = readiness.Current;
            HealthCheckResponse response = Response(state);
            if (response.Status != last)
            {
                await stream.WriteAsync(response, ending);
                last = response.Status;
            }

            await state.Changed.WaitAsync(ending);
        }
    }

    private static async Task HoldUnknownAsync(IServerStreamWriter<HealthCheckResponse> stream, CancellationToken ending)
    {
        await stream.WriteAsync(new HealthCheckResponse { Status = ServingStatus.ServiceUnknown }, ending);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ending);
    }

    private static bool IsKnown(string service, ServerCallContext context) => RequestFraming.IsBroken(context.GetHttpContext())
        ? throw new RpcException(new Status(StatusCode.InvalidArgument, $"request: {RequestFraming.Expected}"))
        : service is "" or CustodyService.FullName;

    private static HealthCheckResponse Response(ReadinessState state) =>
        new() { Status = state.IsReady ? ServingStatus.Serving : ServingStatus.NotServing };
}
