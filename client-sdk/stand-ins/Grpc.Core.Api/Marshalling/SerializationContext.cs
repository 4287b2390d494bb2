using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a marshaller writes one message: either one array, or a buffer writer followed by <see cref="Complete()"/>.</summary>
public abstract class SerializationContext
{
    /// <summary>Hands over the whole message in one array and ends it.</summary>
    /// <param name="payload">The serialised message.</param>
    /// <exception cref="NotImplementedException">The implementation does not offer it.</exception>
    public virtual void Complete(byte[] payload) => throw new NotImplementedException();

    /// <summary>A writer for the message, to be ended by <see cref="Complete()"/>.</summary>
    /// <returns>The writer.</returns>
    /// <exception cref="NotImplementedException">The implementation does not offer it.</exception>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw new NotImplementedException();

    /// <summary>Says how long the message will be, before the writer is asked for. An implementation may ignore it.</summary>
    /// <param name="payloadLength">The length in bytes.</param>
    public virtual void SetPayloadLength(int payloadLength)
    {
    }

    /// <summary>Ends a message that went through <see cref="GetBufferWriter"/>.</summary>
    /// <exception cref="NotImplementedException">The implementation does not offer it.</exception>
    public virtual void Complete() => throw new NotImplementedException();
}
