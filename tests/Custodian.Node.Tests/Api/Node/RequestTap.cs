using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>Sees the bytes of each request as gRPC hands them over: the array itself, and a copy from before the call.</summary>
internal sealed class RequestTap : Interceptor
{
    internal byte[] Latest { get; private set; } = [];

    internal byte[] AsSent { get; private set; } = [];

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        if (request is byte[] bytes)
        {
            Latest = bytes;
            AsSent = [.. bytes];
        }

        return continuation(request, context);
    }
}
