using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Custodian.EndToEnd.Tests.StandIns;

/// <summary>Generated clients over an invoker that answers at once.</summary>
public sealed class ClientTests
{
    private readonly AnsweringInvoker invoker = new();

    [Fact]
    public async Task Intercept_Several_SeeTheCallInOrder()
    {
        var seen = new List<string>();
        var client = new Echo.EchoClient(
            invoker.Intercept(new NotingInterceptor("b", seen), new NotingInterceptor("c", seen)).Intercept(new NotingInterceptor("a", seen)));

        await client.SayAsync(new Words());

        Assert.Equal(["a", "b", "c"], seen);
    }

    [Fact]
    public async Task Intercept_Headers_GetsThemNeverNullAndSendsItsOwn()
    {
        var client = new Echo.EchoClient(invoker.Intercept(headers =>
        {
            headers.Add("x-added", "yes");
            return headers;
        }));

        await client.SayAsync(new Words());

        Assert.Equal("yes", invoker.Options.Headers!.GetValue("x-added"));
    }

    [Fact]
    public async Task WithHost_OfAClient_NamesItInEveryCall()
    {
        await new Echo.EchoClient(invoker).SayAsync(new Words());
        Assert.Null(invoker.Host);

        await new Echo.EchoClient(invoker).WithHost("other.example").SayAsync(new Words());
        Assert.Equal("other.example", invoker.Host);
    }

    [Fact]
    public async Task Call_Finished_GivesWhatItsFunctionsGive()
    {
        var headers = new Metadata();
        var trailers = new Metadata();
        bool disposed = false;
        var call = new AsyncUnaryCall<Words>(
            Task.FromResult(new Words { Times = 1 }), Task.FromResult(headers), () => Status.DefaultSuccess, () => trailers, () => disposed = true);

        Assert.Equal(1, (await call).Times);
        Assert.Equal(1, (await call.ConfigureAwait(false)).Times);
        Assert.Same(headers, await call.ResponseHeadersAsync);
        Assert.Same(trailers, call.GetTrailers());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.False(disposed);
        call.Dispose();
        Assert.True(disposed);
    }

    [Fact]
    public void Method_FullName_IsThatOfTheWire()
    {
        Assert.Equal("/service/method", new Method<string, string>(
            MethodType.Unary, "service", "method", Marshallers.StringMarshaller, Marshallers.StringMarshaller).FullName);
    }

    [Fact]
    public void Definition_MethodAddedTwice_Throws()
    {
        var method = new Method<string, string>(
            MethodType.Unary, "service", "method", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.CreateBuilder()
            .AddMethod(method, (UnaryServerMethod<string, string>)((request, _) => Task.FromResult(request)));

        Assert.Throws<ArgumentException>(
            () => builder.AddMethod(method, (UnaryServerMethod<string, string>)((request, _) => Task.FromResult(request))));
    }

    [Fact]
    public void WriteAsync_CancellableOnAWriterThatCannotCancel_Throws()
    {
        IAsyncStreamWriter<Words> writer = new PlainWriter();
        using var cancellation = new CancellationTokenSource();

        Assert.True(writer.WriteAsync(new Words(), CancellationToken.None).IsCompletedSuccessfully);
        Assert.Throws<NotSupportedException>(() => { _ = writer.WriteAsync(new Words(), cancellation.Token); });
    }

    private sealed class PlainWriter : IAsyncStreamWriter<Words>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(Words message) => Task.CompletedTask;
    }

    private sealed class NotingInterceptor(string name, List<string> seen) : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            seen.Add(name);
            return base.AsyncUnaryCall(request, context, continuation);
        }
    }

    private sealed class AnsweringInvoker : CallInvoker
    {
        public string? Host { get; private set; }

        public CallOptions Options { get; private set; }

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            Host = host;
            Options = options;
            return new AsyncUnaryCall<TResponse>(
                Task.FromResult(Activator.CreateInstance<TResponse>()),
                Task.FromResult(new Metadata()),
                () => Status.DefaultSuccess,
                () => [],
                () => { });
        }

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
    }
}
