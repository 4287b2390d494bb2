namespace Grpc.Core;

/// <summary>Takes the methods of a service one by one: where generated services meet an implementation of gRPC.</summary>
public class ServiceBinderBase
{
    /// <summary>Adds a method of one request and one response.</summary>
    /// <typeparam name="TRequest">The type of the request message.</typeparam>
    /// <typeparam name="TResponse">The type of the response message.</typeparam>
    /// <param name="method">The method.</param>
    /// <param name="handler">Serves it; null where generated code only says what methods there are.</param>
    /// <exception cref="NotImplementedException">The implementation does not offer such methods.</exception>
    public virtual void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();

    /// <summary>Adds a method of many requests and one response.</summary>
    /// <typeparam name="TRequest">The type of the request messages.</typeparam>
    /// <typeparam name="TResponse">The type of the response message.</typeparam>
    /// <param name="method">The method.</param>
    /// <param name="handler">Serves it; null where generated code only says what methods there are.</param>
    /// <exception cref="NotImplementedException">The implementation does not offer such methods.</exception>
    public virtual void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();

    /// <summary>Adds a method of one request and many responses.</summary>
    /// <typeparam name="TRequest">The type of the request message.</typeparam>
    /// <typeparam name="TResponse">The type of the response messages.</typeparam>
    /// <param name="method">The method.</param>
    /// <param name="handler">Serves it; null where generated code only says what methods there are.</param>
    /// <exception cref="NotImplementedException">The implementation does not offer such methods.</exception>
    public virtual void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();

    /// <summary>Adds a method of many requests and many responses.</summary>
    /// <typeparam name="TRequest">The type of the request messages.</typeparam>
    /// <typeparam name="TResponse">The type of the response messages.</typeparam>
    /// <param name="method">The method.</param>
    /// <param name="handler">Serves it; null where generated code only says what methods there are.</param>
    /// <exception cref="NotImplementedException">The implementation does not offer such methods.</exception>
    public virtual void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();
}
