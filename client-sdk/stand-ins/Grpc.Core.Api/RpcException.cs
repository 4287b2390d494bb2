namespace Grpc.Core;

/// <summary>A call that ended with a status other than OK: thrown by a service to refuse, and by a client that was refused.</summary>
public class RpcException : Exception
{
    /// <summary>An exception whose message is the status, without trailers.</summary>
    /// <param name="status">How the call ended.</param>
    public RpcException(Status status)
        : this(status, Metadata.Empty, status.ToString())
    {
    }

    /// <summary>An exception with a message of its own, without trailers.</summary>
    /// <param name="status">How the call ended.</param>
    /// <param name="message">The exception's message.</param>
    public RpcException(Status status, string message)
        : this(status, Metadata.Empty, message)
    {
    }

    /// <summary>An exception whose message is the status.</summary>
    /// <param name="status">How the call ended.</param>
    /// <param name="trailers">The trailers that a service sends with the refusal, or that a client received.</param>
    /// <exception cref="ArgumentNullException"><paramref name="trailers"/> is null.</exception>
    public RpcException(Status status, Metadata trailers)
        : this(status, trailers, status.ToString())
    {
    }

    /// <summary>An exception with a message of its own.</summary>
    /// <param name="status">How the call ended.</param>
    /// <param name="trailers">The trailers that a service sends with the refusal, or that a client received.</param>
    /// <param name="message">The exception's message.</param>
    /// <exception cref="ArgumentNullException"><paramref name="trailers"/> is null.</exception>
    public RpcException(Status status, Metadata trailers, string message)
        : base(message, status.DebugException)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Status = status;
        Trailers = trailers;
    }

    /// <summary>How the call ended.</summary>
    public Status Status { get; }

    /// <summary>The code of <see cref="Status"/>.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>The call's trailers; <see cref="Metadata.Empty"/> where there are none.</summary>
    public Metadata Trailers { get; }
}
