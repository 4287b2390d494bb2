using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a marshaller reads one message from. The payload may be read once.</summary>
public abstract class DeserializationContext
{
    /// <summary>The length of the message, in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>The message in an array of the caller's own.</summary>
    /// <returns>The array.</returns>
    /// <exception cref="NotImplementedException">The implementation does not offer it.</exception>
    public virtual byte[] PayloadAsNewBuffer() => throw new NotImplementedException();

    /// <summary>The message where it lies; the memory is valid only until the deserialiser returns.</summary>
    /// <returns>The message.</returns>
    /// <exception cref="NotImplementedException">The implementation does not offer it.</exception>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => throw new NotImplementedException();
}
