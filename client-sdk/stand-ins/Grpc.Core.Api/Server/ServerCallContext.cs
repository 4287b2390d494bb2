namespace Grpc.Core;

/// <summary>A call, as the service sees it that serves it.</summary>
public abstract class ServerCallContext
{
    private Dictionary<object, object>? userState;

    /// <summary>The method's name on the wire: <c>/service/method</c>.</summary>
    public string Method => MethodCore;

    /// <summary>The authority that the client named.</summary>
    public string Host => HostCore;

    /// <summary>The client's address, such as <c>ipv4:192.0.2.1:50051</c>.</summary>
    public string Peer => PeerCore;

    /// <summary>When the client gives up, in UTC; <see cref="DateTime.MaxValue"/> for never.</summary>
    public DateTime Deadline => DeadlineCore;

    /// <summary>The headers that the client sent.</summary>
    public Metadata RequestHeaders => RequestHeadersCore;

    /// <summary>Cancelled when the client gives up, the deadline passes or the connection breaks.</summary>
    public CancellationToken CancellationToken => CancellationTokenCore;

    /// <summary>The trailers to send with the status.</summary>
    public Metadata ResponseTrailers => ResponseTrailersCore;

    /// <summary>The status to send. A handler may also throw <see cref="RpcException"/>.</summary>
    public Status Status
    {
        get => StatusCore;
        set => StatusCore = value;
    }

    /// <summary>How the responses are written; null for the default.</summary>
    public WriteOptions? WriteOptions
    {
        get => WriteOptionsCore;
        set => WriteOptionsCore = value;
    }

    /// <summary>What is known of the client.</summary>
    public AuthContext AuthContext => AuthContextCore;

    /// <summary>Whatever interceptors and the service want to remember for the length of the call.</summary>
    public IDictionary<object, object> UserState => UserStateCore;

    /// <summary>The method's name on the wire.</summary>
    protected abstract string MethodCore { get; }

    /// <summary>The authority that the client named.</summary>
    protected abstract string HostCore { get; }

    /// <summary>The client's address.</summary>
    protected abstract string PeerCore { get; }

    /// <summary>When the client gives up, in UTC.</summary>
    protected abstract DateTime DeadlineCore { get; }

    /// <summary>The headers that the client sent.</summary>
    protected abstract Metadata RequestHeadersCore { get; }

    /// <summary>Cancelled with the call.</summary>
    protected abstract CancellationToken CancellationTokenCore { get; }

    /// <summary>The trailers to send with the status.</summary>
    protected abstract Metadata ResponseTrailersCore { get; }

    /// <summary>The status to send.</summary>
    protected abstract Status StatusCore { get; set; }

    /// <summary>How the responses are written.</summary>
    protected abstract WriteOptions? WriteOptionsCore { get; set; }

    /// <summary>What is known of the client.</summary>
    protected abstract AuthContext AuthContextCore { get; }

    /// <summary>Whatever interceptors and the service want to remember; a dictionary of the call's own by default.</summary>
    protected virtual IDictionary<object, object> UserStateCore => userState ??= [];

    /// <summary>Sends the response headers, once, before the first response; they go with it otherwise.</summary>
    /// <param name="responseHeaders">The headers.</param>
    /// <returns>A task that completes when they are sent.</returns>
    public Task WriteResponseHeadersAsync(Metadata responseHeaders) => WriteResponseHeadersAsyncCore(responseHeaders);

    /// <summary>A token for calls made on behalf of this one.</summary>
    /// <param name="options">What is handed on; null for everything.</param>
    /// <returns>The token.</returns>
    public ContextPropagationToken CreatePropagationToken(ContextPropagationOptions? options = null) => CreatePropagationTokenCore(options);

    /// <summary>Sends the response headers.</summary>
    /// <param name="responseHeaders">The headers.</param>
    /// <returns>A task that completes when they are sent.</returns>
    protected abstract Task WriteResponseHeadersAsyncCore(Metadata responseHeaders);

    /// <summary>A token for calls made on behalf of this one.</summary>
    /// <param name="options">What is handed on; null for everything.</param>
    /// <returns>The token.</returns>
    protected abstract ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options);
}
