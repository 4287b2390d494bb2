using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>A call of one request and one response, under way at the client.</summary>
/// <typeparam name="TResponse">The type of the response message.</typeparam>
public sealed class AsyncUnaryCall<TResponse> : IDisposable
{
    private readonly AsyncCallState callState;

    /// <summary>A call as an implementation of gRPC hands it to its caller.</summary>
    /// <param name="responseAsync">The response, or the failure of the call.</param>
    /// <param name="responseHeadersAsync">The response headers.</param>
    /// <param name="getStatusFunc">Gives the status of the finished call.</param>
    /// <param name="getTrailersFunc">Gives the trailers of the finished call.</param>
    /// <param name="disposeAction">Gives the call up, if it is not finished.</param>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        ResponseAsync = responseAsync;
        callState = new AsyncCallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>A call as an implementation of gRPC hands it to its caller, its functions sharing one state object.</summary>
    /// <param name="responseAsync">The response, or the failure of the call.</param>
    /// <param name="responseHeadersAsync">Gives the response headers.</param>
    /// <param name="getStatusFunc">Gives the status of the finished call.</param>
    /// <param name="getTrailersFunc">Gives the trailers of the finished call.</param>
    /// <param name="disposeAction">Gives the call up, if it is not finished.</param>
    /// <param name="state">Passed to each of the functions.</param>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        ResponseAsync = responseAsync;
        callState = new AsyncCallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The response. It fails with <see cref="RpcException"/> where the call failed.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>The response headers, as soon as they are there.</summary>
    public Task<Metadata> ResponseHeadersAsync => callState.ResponseHeadersAsync();

    /// <summary>Lets the call itself be awaited for its response.</summary>
    /// <returns>The awaiter of <see cref="ResponseAsync"/>.</returns>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Lets the call be awaited without its caller's context.</summary>
    /// <param name="continueOnCapturedContext">Whether to go on in the captured context.</param>
    /// <returns>The configured <see cref="ResponseAsync"/>.</returns>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext)
        => ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status of the call, once it has finished.</summary>
    /// <returns>The status.</returns>
    /// <exception cref="InvalidOperationException">The call has not finished.</exception>
    public Status GetStatus() => callState.GetStatus();

    /// <summary>The trailers of the call, once it has finished.</summary>
    /// <returns>The trailers.</returns>
    /// <exception cref="InvalidOperationException">The call has not finished.</exception>
    public Metadata GetTrailers() => callState.GetTrailers();

    /// <summary>Releases what the call holds, and cancels it unless it has finished.</summary>
    public void Dispose() => callState.Dispose();
}
