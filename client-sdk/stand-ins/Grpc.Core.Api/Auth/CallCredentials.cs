namespace Grpc.Core;

/// <summary>Credentials that authenticate single calls.</summary>
public abstract class CallCredentials
{
    /// <summary>Credentials that apply several others, in order.</summary>
    /// <param name="credentials">Two or more.</param>
    /// <returns>The composed credentials.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="credentials"/> is null.</exception>
    /// <exception cref="ArgumentException">There are fewer than two.</exception>
    public static CallCredentials Compose(params CallCredentials[] credentials)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return credentials.Length >= 2
            ? new Composite([.. credentials])
            : throw new ArgumentException("Composite credentials object can only be created from 2 or more credentials.", nameof(credentials));
    }

    /// <summary>Credentials that a function adds to the headers.</summary>
    /// <param name="interceptor">The function.</param>
    /// <returns>The credentials.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="interceptor"/> is null.</exception>
    public static CallCredentials FromInterceptor(AsyncAuthInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(interceptor);
        return new Intercepted(interceptor);
    }

    /// <summary>Tells an implementation of gRPC what these credentials are. Not for use by applications.</summary>
    /// <param name="configurator">Is told.</param>
    /// <param name="state">Passed on to it.</param>
    public abstract void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state);

    private sealed class Composite(IReadOnlyList<CallCredentials> credentials) : CallCredentials
    {
        public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state)
            => configurator.SetCompositeCredentials(state, credentials);
    }

    private sealed class Intercepted(AsyncAuthInterceptor interceptor) : CallCredentials
    {
        public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state)
            => configurator.SetAsyncAuthInterceptorCredentials(state, interceptor);
    }
}

/// <summary>How an implementation of gRPC learns what call credentials are. Not for use by applications.</summary>
public abstract class CallCredentialsConfiguratorBase
{
    /// <summary>The credentials are composed of others.</summary>
    /// <param name="state">The implementation's own.</param>
    /// <param name="credentials">The others, in order.</param>
    public abstract void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials);

    /// <summary>The credentials are a function over the headers.</summary>
    /// <param name="state">The implementation's own.</param>
    /// <param name="interceptor">The function.</param>
    public abstract void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor);
}
