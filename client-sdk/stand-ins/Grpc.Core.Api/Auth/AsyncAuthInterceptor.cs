namespace Grpc.Core;

/// <summary>Adds authentication to the headers of a call that is about to start.</summary>
/// <param name="context">The call.</param>
/// <param name="metadata">The call's headers, to add to.</param>
/// <returns>A task after which the call starts.</returns>
public delegate Task AsyncAuthInterceptor(AuthInterceptorContext context, Metadata metadata);

/// <summary>The call that an <see cref="AsyncAuthInterceptor"/> authenticates.</summary>
public class AuthInterceptorContext
{
    /// <summary>A call that is not cancelled.</summary>
    /// <param name="serviceUrl">The URL of the service that is called.</param>
    /// <param name="methodName">The name of the method that is called.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public AuthInterceptorContext(string serviceUrl, string methodName)
        : this(serviceUrl, methodName, CancellationToken.None)
    {
    }

    /// <summary>A call.</summary>
    /// <param name="serviceUrl">The URL of the service that is called.</param>
    /// <param name="methodName">The name of the method that is called.</param>
    /// <param name="cancellationToken">Cancelled with the call.</param>
    /// <exception cref="ArgumentNullException">A string is null.</exception>
    public AuthInterceptorContext(string serviceUrl, string methodName, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(serviceUrl);
        ArgumentNullException.ThrowIfNull(methodName);
        ServiceUrl = serviceUrl;
        MethodName = methodName;
        CancellationToken = cancellationToken;
    }

    /// <summary>The URL of the service that is called.</summary>
    public string ServiceUrl { get; }

    /// <summary>The name of the method that is called.</summary>
    public string MethodName { get; }

    /// <summary>Cancelled with the call.</summary>
    public CancellationToken CancellationToken { get; }
}
