namespace Grpc.Core;

/// <summary>A stream of messages to read, one after the other.</summary>
/// <typeparam name="T">The type of message.</typeparam>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last successful <see cref="MoveNext"/> read.</summary>
    T Current { get; }

    /// <summary>Reads the next message. One read may be under way at a time.</summary>
    /// <param name="cancellationToken">Cancels the read and, with it, the call.</param>
    /// <returns>Whether there was one; false at the end of a stream that ended well.</returns>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}

/// <summary>A stream to write messages to, one after the other.</summary>
/// <typeparam name="T">The type of message.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>How the messages that follow are written; null for the default.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Writes a message. One write may be under way at a time.</summary>
    /// <param name="message">The message.</param>
    /// <returns>A task that completes when the next message may be written.</returns>
    Task WriteAsync(T message);

    /// <summary>Writes a message. One write may be under way at a time.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Cancels the write and, with it, the call.</param>
    /// <returns>A task that completes when the next message may be written.</returns>
    /// <exception cref="NotSupportedException">The token can be cancelled and the implementation cannot cancel writes.</exception>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("Cancellation of stream writes is not supported by this gRPC implementation.")
        : WriteAsync(message);
}

/// <summary>The stream of requests of a client, which the client ends.</summary>
/// <typeparam name="T">The type of message.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the stream; nothing may be written after it.</summary>
    /// <returns>A task that completes when the end is sent.</returns>
    Task CompleteAsync();
}

/// <summary>The stream of responses of a server, which ends when the handler does.</summary>
/// <typeparam name="T">The type of message.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}

/// <summary>Shorthands for stream readers.</summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>Reads the next message, without a way to cancel.</summary>
    /// <typeparam name="T">The type of message.</typeparam>
    /// <param name="streamReader">The stream.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="streamReader"/> is null.</exception>
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> streamReader)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader.MoveNext(CancellationToken.None);
    }
}
