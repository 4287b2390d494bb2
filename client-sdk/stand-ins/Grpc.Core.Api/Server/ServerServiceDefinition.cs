namespace Grpc.Core;

/// <summary>The methods of a service, each with what serves it.</summary>
public class ServerServiceDefinition
{
    private readonly IReadOnlyList<Action<ServiceBinderBase>> methods;

    private ServerServiceDefinition(IReadOnlyList<Action<ServiceBinderBase>> methods)
    {
        this.methods = methods;
    }

    /// <summary>A builder without methods.</summary>
    /// <returns>The builder.</returns>
    public static Builder CreateBuilder() => new();

    /// <summary>Hands every method to a binder, in the order in which they were added.</summary>
    /// <param name="serviceBinder">Takes the methods.</param>
    public void BindService(ServiceBinderBase serviceBinder)
    {
        foreach (Action<ServiceBinderBase> method in methods)
        {
            method(serviceBinder);
        }
    }

    /// <summary>Collects the methods of a service.</summary>
    public class Builder
    {
        private readonly List<Action<ServiceBinderBase>> methods = [];
        private readonly HashSet<string> names = [];

        /// <summary>Adds a method of one request and one response.</summary>
        /// <typeparam name="TRequest">The type of the request message.</typeparam>
        /// <typeparam name="TResponse">The type of the response message.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Serves it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentException">There is a method of that name already.</exception>
        public Builder AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
            => Add(method, binder => binder.AddMethod(method, handler));

        /// <summary>Adds a method of many requests and one response.</summary>
        /// <typeparam name="TRequest">The type of the request messages.</typeparam>
        /// <typeparam name="TResponse">The type of the response message.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Serves it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentException">There is a method of that name already.</exception>
        public Builder AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
            => Add(method, binder => binder.AddMethod(method, handler));

        /// <summary>Adds a method of one request and many responses.</summary>
        /// <typeparam name="TRequest">The type of the request message.</typeparam>
        /// <typeparam name="TResponse">The type of the response messages.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Serves it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentException">There is a method of that name already.</exception>
        public Builder AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
            => Add(method, binder => binder.AddMethod(method, handler));

        /// <summary>Adds a method of many requests and many responses.</summary>
        /// <typeparam name="TRequest">The type of the request messages.</typeparam>
        /// <typeparam name="TResponse">The type of the response messages.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Serves it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentException">There is a method of that name already.</exception>
        public Builder AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
            => Add(method, binder => binder.AddMethod(method, handler));

        /// <summary>The definition of the methods added so far.</summary>
        /// <returns>The definition.</returns>
        public ServerServiceDefinition Build() => new([.. methods]);

        private Builder Add(IMethod method, Action<ServiceBinderBase> bind)
        {
            if (!names.Add(method.FullName))
            {
                throw new ArgumentException($"A method named {method.FullName} has been added already.", nameof(method));
            }

            methods.Add(bind);
            return this;
        }
    }
}
