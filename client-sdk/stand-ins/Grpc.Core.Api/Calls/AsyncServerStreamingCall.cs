namespace Grpc.Core;

/// <summary>A call of one request and many responses, under way at the client.</summary>
/// <typeparam name="TResponse">The type of the response messages.</typeparam>
public sealed class AsyncServerStreamingCall<TResponse> : IDisposable
{
    private readonly AsyncCallState callState;

    /// <summary>A call as an implementation of gRPC hands it to its caller.</summary>
    /// <param name="responseStream">The responses.</param>
    /// <param name="responseHeadersAsync">The response headers.</param>
    /// <param name="getStatusFunc">Gives the status of the finished call.</param>
    /// <param name="getTrailersFunc">Gives the trailers of the finished call.</param>
    /// <param name="disposeAction">Gives the call up, if it is not finished.</param>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        ResponseStream = responseStream;
        callState = new AsyncCallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>A call as an implementation of gRPC hands it to its caller, its functions sharing one state object.</summary>
    /// <param name="responseStream">The responses.</param>
    /// <param name="responseHeadersAsync">Gives the response headers.</param>
    /// <param name="getStatusFunc">Gives the status of the finished call.</param>
    /// <param name="getTrailersFunc">Gives the trailers of the finished call.</param>
    /// <param name="disposeAction">Gives the call up, if it is not finished.</param>
    /// <param name="state">Passed to each of the functions.</param>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        ResponseStream = responseStream;
        callState = new AsyncCallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The responses. Reading throws <see cref="RpcException"/> where the call failed.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The response headers, as soon as they are there.</summary>
    public Task<Metadata> ResponseHeadersAsync => callState.ResponseHeadersAsync();

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
