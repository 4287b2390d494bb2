namespace Grpc.Core;

/// <summary>What the four kinds of call share: headers, status, trailers, and the way to give up.</summary>
internal readonly struct AsyncCallState
{
    private readonly Func<object, Task<Metadata>> responseHeaders;
    private readonly Func<object, Status> getStatus;
    private readonly Func<object, Metadata> getTrailers;
    private readonly Action<object> dispose;
    private readonly object state;

    public AsyncCallState(
        Func<object, Task<Metadata>> responseHeaders,
        Func<object, Status> getStatus,
        Func<object, Metadata> getTrailers,
        Action<object> dispose,
        object state)
    {
        this.responseHeaders = responseHeaders;
        this.getStatus = getStatus;
        this.getTrailers = getTrailers;
        this.dispose = dispose;
        this.state = state;
    }

    public AsyncCallState(Task<Metadata> responseHeaders, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : this(_ => responseHeaders, _ => getStatus(), _ => getTrailers(), _ => dispose(), dispose)
    {
    }

    public Task<Metadata> ResponseHeadersAsync() => responseHeaders(state);

    public Status GetStatus() => getStatus(state);

    public Metadata GetTrailers() => getTrailers(state);

    public void Dispose() => dispose(state);
}
