using Custodian.Node.Api.Health;
using Custodian.Node.Api.Health.Wire;
using Custodian.Node.Tests.Api.Node;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using ServingStatus = Custodian.Node.Api.Health.Wire.HealthCheckResponse.Types.ServingStatus;

namespace Custodian.Node.Tests.Api;

/// <summary>grpc.health.v1.Health over the wire, and the readiness behind it.</summary>
public sealed class HealthServiceTests(TestNode node) : IClassFixture<TestNode>
{
    [Theory]
    [InlineData("")]
    [InlineData("custodian.v1.Custody")]
    public async Task Check_KnownService_FollowsReadiness(string service)
    {
        node.Readiness.Holds(ReadinessPart.Start);
        Assert.Equal(ServingStatus.Serving, await CheckAsync(service));
        node.Readiness.Fails(ReadinessPart.Hsm, "the HSM does not answer");
        Assert.Equal(ServingStatus.NotServing, await CheckAsync(service));
        node.Readiness.Holds(ReadinessPart.Hsm);
        Assert.Equal(ServingStatus.Serving, await CheckAsync(service));
    }

    [Fact]
    public async Task Check_UnknownService_IsNotFound()
    {
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => CheckAsync("another.Service"));

        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
    }

    [Fact]
    public async Task Watch_ReadinessChanges_TellsEachChangeOnce()
    {
        node.Readiness.Holds(ReadinessPart.Start);
        using AsyncServerStreamingCall<HealthCheckResponse> watch = Watch("");
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));
        node.Readiness.Fails(ReadinessPart.Hsm, "the HSM does not answer");
        Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
        node.Readiness.Fails(ReadinessPart.Storage, "the database does not answer");
        node.Readiness.Holds(ReadinessPart.Hsm);
        node.Readiness.Holds(ReadinessPart.Storage);
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));
    }

    [Fact]
    public async Task Watch_UnknownService_IsServiceUnknown()
    {
        using AsyncServerStreamingCall<HealthCheckResponse> watch = Watch("another.Service");

        Assert.Equal(ServingStatus.ServiceUnknown, await NextAsync(watch));
    }

    [Fact]
    public void Readiness_SeveralFaults_HoldsOnlyWhenAllAreGone()
    {
        var readiness = new Readiness();
        Assert.Equal((false, "the node is starting"), (readiness.Current.IsReady, readiness.Current.Summary));
        readiness.Fails(ReadinessPart.Storage, "no disk");
        Task changed = readiness.Current.Changed;
        readiness.Holds(ReadinessPart.Start);

        Assert.True(changed.IsCompleted);
        Assert.Equal((false, "no disk"), (readiness.Current.IsReady, readiness.Current.Summary));
        readiness.Holds(ReadinessPart.Storage);
        Assert.Equal((true, "ready"), (readiness.Current.IsReady, readiness.Current.Summary));
    }

    /// <summary>Whether a node says that it serves.</summary>
    internal static async Task<bool> IsServingAsync(TestNode node) => await CheckAsync(node, "") == ServingStatus.Serving;

    /// <summary>A stream that is under way.</summary>
    internal static Task<AsyncServerStreamingCall<HealthCheckResponse>> WatchingAsync(TestNode node) => WatchingAsync(node.Channel);

    /// <summary>The same of one client.</summary>
    internal static async Task<AsyncServerStreamingCall<HealthCheckResponse>> WatchingAsync(GrpcChannel client)
    {
        AsyncServerStreamingCall<HealthCheckResponse> watch = Watch(client, "");
        await NextAsync(watch);
        return watch;
    }

    private Task<ServingStatus> CheckAsync(string service) => CheckAsync(node, service);

    private AsyncServerStreamingCall<HealthCheckResponse> Watch(string service) => Watch(node.Channel, service);

    private static async Task<ServingStatus> CheckAsync(TestNode node, string service) =>
        (await node.Channel.CreateCallInvoker().AsyncUnaryCall(
            Method(MethodType.Unary, "Check"), null, default, new HealthCheckRequest { Service = service })).Status;

    private static AsyncServerStreamingCall<HealthCheckResponse> Watch(GrpcChannel client, string service) => client.CreateCallInvoker().AsyncServerStreamingCall(
        Method(MethodType.ServerStreaming, "Watch"), null, default, new HealthCheckRequest { Service = service });

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> watch)
    {
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        return watch.ResponseStream.Current.Status;
    }

    private static Method<HealthCheckRequest, HealthCheckResponse> Method(MethodType type, string name) => new(
        type,
        "grpc.health.v1.Health",
        name,
        Marshallers.Create<HealthCheckRequest>((m, c) => c.Complete(m.ToByteArray()), c => HealthCheckRequest.Parser.ParseFrom(c.PayloadAsNewBuffer())),
        Marshallers.Create<HealthCheckResponse>((m, c) => c.Complete(m.ToByteArray()), c => HealthCheckResponse.Parser.ParseFrom(c.PayloadAsNewBuffer())));
}
