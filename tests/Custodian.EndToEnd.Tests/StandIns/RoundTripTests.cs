using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Custodian.EndToEnd.Tests.StandIns;

/// <summary>An official server and an official client over TLS, on whichever API assemblies the build has chosen.</summary>
public sealed class RoundTripTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Unary_Served_ReturnsTheAnswer()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(new Words(words) { Times = words.Times + 1 }));

        Words answer = await server.Client().SayAsync(new Words { Text = "grüß", Times = 1 });

        Assert.Equal(new Words { Text = "grüß", Times = 2 }, answer);
    }

    [Fact]
    public async Task Unary_Blocking_ReturnsTheAnswer()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(words));

        Assert.Equal("now", server.Client().Say(new Words { Text = "now" }).Text);
    }

    [Fact]
    public async Task Unary_HeadersAndTrailers_CrossTheWireBothWays()
    {
        await using EchoServer server = await EchoServer.StartAsync(async (words, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "echo-header", context.RequestHeaders.GetValue("x-text")! } });
            context.ResponseTrailers.Add("echo-bytes-bin", context.RequestHeaders.GetValueBytes("x-bytes-bin")!);
            return words;
        });
        var headers = new Metadata { { "X-Text", "words" }, { "x-bytes-bin", [0, 128, 255] } };

        using AsyncUnaryCall<Words> call = server.Client().SayAsync(new Words(), headers);
        await call;

        Assert.Equal("words", (await call.ResponseHeadersAsync).GetValue("echo-header"));
        Assert.Equal([0, 128, 255], call.GetTrailers().GetValueBytes("echo-bytes-bin"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task Unary_Refused_ThrowsWithStatusAndTrailers()
    {
        await using EchoServer server = await EchoServer.StartAsync((_, _) => throw new RpcException(
            new Status(StatusCode.FailedPrecondition, "not yet", new InvalidOperationException("stays here")),
            new Metadata { { "grpc-status-details-bin", [8, 9, 10] }, { "x-reason", "early" } }));

        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await server.Client().SayAsync(new Words()));

        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Equal("not yet", refusal.Status.Detail);
        Assert.Null(refusal.Status.DebugException);
        Assert.Equal([8, 9, 10], refusal.Trailers.GetValueBytes("grpc-status-details-bin"));
        Assert.Equal("early", refusal.Trailers.GetValue("x-reason"));
    }

    [Fact]
    public async Task Unary_StatusSetByTheService_ThrowsThatStatus()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, context) =>
        {
            context.Status = new Status(StatusCode.ResourceExhausted, "full");
            return Task.FromResult(words);
        });

        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await server.Client().SayAsync(new Words()));

        Assert.Equal("Status(StatusCode=\"ResourceExhausted\", Detail=\"full\")", refusal.Message);
    }

    [Fact]
    public async Task Unary_DeadlinePasses_EndsTheCallOnBothSides()
    {
        var givenUp = new TaskCompletionSource();
        var deadlineSeen = new TaskCompletionSource<DateTime>();
        await using EchoServer server = await EchoServer.StartAsync(async (words, context) =>
        {
            deadlineSeen.SetResult(context.Deadline);
            await UntilCancelled(context.CancellationToken);
            givenUp.SetResult();
            return words;
        });
        Echo.EchoClient client = server.Client();
        DateTime deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(1);

        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () => await client.SayAsync(new Words(), deadline: deadline));

        Assert.Equal(StatusCode.DeadlineExceeded, failure.StatusCode);
        Assert.InRange(await deadlineSeen.Task.WaitAsync(Patience), deadline.AddSeconds(-1), deadline.AddSeconds(1));
        await givenUp.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Unary_CancelledByTheClient_EndsTheCallOnBothSides()
    {
        var started = new TaskCompletionSource();
        var givenUp = new TaskCompletionSource();
        await using EchoServer server = await EchoServer.StartAsync(async (words, context) =>
        {
            started.SetResult();
            await UntilCancelled(context.CancellationToken);
            givenUp.SetResult();
            return words;
        });
        using var cancellation = new CancellationTokenSource();
        using AsyncUnaryCall<Words> call = server.Client().SayAsync(new Words(), cancellationToken: cancellation.Token);
        await started.Task.WaitAsync(Patience);
        Assert.Throws<InvalidOperationException>(() => call.GetStatus());

        await cancellation.CancelAsync();

        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Cancelled, failure.StatusCode);
        await givenUp.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Unary_CallDisposed_EndsTheCallOnTheServer()
    {
        var started = new TaskCompletionSource();
        var givenUp = new TaskCompletionSource();
        await using EchoServer server = await EchoServer.StartAsync(async (words, context) =>
        {
            started.SetResult();
            await UntilCancelled(context.CancellationToken);
            givenUp.SetResult();
            return words;
        });
        AsyncUnaryCall<Words> call = server.Client().SayAsync(new Words());
        await started.Task.WaitAsync(Patience);

        call.Dispose();

        await givenUp.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Unary_NoServer_ThrowsUnavailableWithTheCause()
    {
        string address;
        await using (EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(words)))
        {
            address = server.Address;
        }

        using var channel = GrpcChannel.ForAddress(address);
        var client = new Echo.EchoClient(channel);

        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () => await client.SayAsync(new Words()));

        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
        Assert.NotNull(failure.Status.DebugException);
        Assert.Same(failure.Status.DebugException, failure.InnerException);
    }

    [Fact]
    public async Task ServerStreaming_ReadToTheEnd_YieldsEveryMessageInOrder()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(words));
        using AsyncServerStreamingCall<Words> call = server.Client().Repeat(new Words { Text = "again", Times = 100 });
        var times = new List<int>();

        await foreach (Words words in call.ResponseStream.ReadAllAsync())
        {
            times.Add(words.Times);
        }

        Assert.Equal(Enumerable.Range(0, 100), times);
        Assert.Equal("100", call.GetTrailers().GetValue("echo-count"));
    }

    [Fact]
    public async Task ServerStreaming_CancelledWhileReading_ThrowsCancelled()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(words));
        using var cancellation = new CancellationTokenSource();
        using AsyncServerStreamingCall<Words> call = server.Client().Repeat(new Words { Times = int.MaxValue }, cancellationToken: cancellation.Token);
        Assert.True(await call.ResponseStream.MoveNext());

        await cancellation.CancelAsync();

        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
            {
            }
        });
        Assert.Equal(StatusCode.Cancelled, failure.StatusCode);
    }

    [Fact]
    public async Task ClientStreaming_Completed_ReturnsTheAnswer()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(words));
        using AsyncClientStreamingCall<Words, Words> call = server.Client().Collect();

        await call.RequestStream.WriteAsync(new Words { Text = "a" });
        await call.RequestStream.WriteAsync(new Words { Text = "b" }, CancellationToken.None);
        await call.RequestStream.CompleteAsync();

        Assert.Equal(new Words { Text = "ab", Times = 2 }, await call);
    }

    [Fact]
    public async Task DuplexStreaming_WriteThenRead_AnswersEachMessage()
    {
        await using EchoServer server = await EchoServer.StartAsync((words, _) => Task.FromResult(words));
        using AsyncDuplexStreamingCall<Words, Words> call = server.Client().Converse();

        foreach (string text in new[] { "a", "b", "c" })
        {
            await call.RequestStream.WriteAsync(new Words { Text = text });
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(text, call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Context_OfAServedCall_DescribesIt()
    {
        string? seen = null;
        await using EchoServer server = await EchoServer.StartAsync(
            (words, context) =>
            {
                bool endless = context.Deadline == DateTime.MaxValue;
                seen = $"{context.Method} {context.Peer.Split(':')[0]} {endless} {context.AuthContext.IsPeerAuthenticated} {context.UserState["marked"]}";
                return Task.FromResult(words);
            },
            typeof(MarkingInterceptor));

        await server.Client().SayAsync(new Words());

        Assert.Equal("/custodian.tests.echo.Echo/Say ipv4 True False yes", seen);
    }

    [Fact]
    public async Task Credentials_OfChannelAndCall_ReachTheServer()
    {
        Metadata? headers = null;
        await using EchoServer server = await EchoServer.StartAsync((words, context) =>
        {
            headers = context.RequestHeaders;
            return Task.FromResult(words);
        });
        CallCredentials Adding(string key, string value) => CallCredentials.FromInterceptor((_, metadata) =>
        {
            metadata.Add(key, value);
            return Task.CompletedTask;
        });
        var channel = ChannelCredentials.Create(ChannelCredentials.SecureSsl, Adding("authorization", "Bearer t"));
        CallCredentials call = CallCredentials.Compose(Adding("x-first", "1"), Adding("x-second", "2"));

        await new Echo.EchoClient(server.Channel(channel)).SayAsync(new Words(), new CallOptions(credentials: call));

        Assert.Equal("Bearer t", headers!.GetValue("authorization"));
        Assert.Equal("1", headers.GetValue("x-first"));
        Assert.Equal("2", headers.GetValue("x-second"));
    }

    private static async Task UntilCancelled(CancellationToken cancellationToken)
    {
        var cancelled = new TaskCompletionSource();
        using CancellationTokenRegistration registration = cancellationToken.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(Patience, CancellationToken.None);
    }

    private sealed class MarkingInterceptor : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            context.UserState["marked"] = "yes";
            return continuation(request, context);
        }
    }
}
