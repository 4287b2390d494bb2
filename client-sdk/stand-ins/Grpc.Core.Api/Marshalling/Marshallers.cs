using System.Text;

namespace Grpc.Core;

/// <summary>Makes marshallers.</summary>
public static class Marshallers
{
    /// <summary>A marshaller of strings as UTF-8, without a length or a mark.</summary>
    public static Marshaller<string> StringMarshaller { get; } = new(
        (text, context) => context.Complete(Encoding.UTF8.GetBytes(text)),
        context => Encoding.UTF8.GetString(context.PayloadAsNewBuffer()));

    /// <summary>A marshaller of two functions.</summary>
    /// <typeparam name="T">The type of message.</typeparam>
    /// <param name="serializer">Writes a message into a context.</param>
    /// <param name="deserializer">Reads a message from a context.</param>
    /// <returns>The marshaller.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static Marshaller<T> Create<T>(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer)
        => new(serializer, deserializer);
}
