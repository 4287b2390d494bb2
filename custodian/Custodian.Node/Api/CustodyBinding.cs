using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace Custodian.Node.Api;

/// <summary>
/// Tells gRPC of the service's methods. Requests are taken as bytes and parsed by <see cref="CallPipeline"/>: generated code would parse
/// them before any of ours runs, and answer bytes that are not the message with INTERNAL instead of INVALID_REQUEST (protocol.md section 13).
/// </summary>
internal sealed class CustodyBinding : IServiceMethodProvider<CustodyService>
{
    private static readonly Marshaller<byte[]> RequestBytes = Marshallers.Create<byte[]>(
        (_, _) => throw new NotSupportedException("a node sends no requests"), context => context.PayloadAsNewBuffer());

    /// <inheritdoc/>
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<CustodyService> context)
    {
        Bind(context, nameof(CustodyService.Prepare), service => service.Prepare);
        Bind(context, nameof(CustodyService.Deposit), service => service.Deposit);
        Bind(context, nameof(CustodyService.Activate), service => service.Activate);
        Bind(context, nameof(CustodyService.Describe), service => service.Describe);
        Bind(context, nameof(CustodyService.Evaluate), service => service.Evaluate);
        Bind(context, nameof(CustodyService.Confirm), service => service.Confirm);
        Bind(context, nameof(CustodyService.Retire), service => service.Retire);
        Bind(context, nameof(CustodyService.Delete), service => service.Delete);
    }

    private static void Bind<TWire, TCall, TResponse>(
        ServiceMethodProviderContext<CustodyService> context, string name, Func<CustodyService, CallRoute<TWire, TCall, TResponse>> route)
        where TWire : IMessage<TWire>
        where TCall : class
        where TResponse : class, IMessage<TResponse>
    {
        var responses = Marshallers.Create<TResponse>(Write, _ => throw new NotSupportedException("a node receives no responses"));
        var method = new Method<byte[], TResponse>(MethodType.Unary, CustodyService.FullName, name, RequestBytes, responses);
        context.AddUnaryMethod(method, [], (service, bytes, call) => service.Pipeline.RunAsync(route(service), bytes, call));
    }

    private static void Write(IMessage message, SerializationContext context)
    {
        context.SetPayloadLength(message.CalculateSize());
        message.WriteTo(context.GetBufferWriter());
        context.Complete();
    }
}
