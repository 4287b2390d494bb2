namespace Grpc.Core;

/// <summary>Credentials that protect a channel.</summary>
public abstract class ChannelCredentials
{
    /// <summary>No protection at all: plain text.</summary>
    public static ChannelCredentials Insecure { get; } = new InsecureCredentials();

    /// <summary>TLS with the roots of the platform and without a client certificate.</summary>
    public static ChannelCredentials SecureSsl { get; } = new SslCredentials();

    internal virtual bool IsComposable => false;

    /// <summary>Channel credentials that also authenticate every call.</summary>
    /// <param name="channelCredentials">Protects the channel; it must be secure.</param>
    /// <param name="callCredentials">Authenticates every call.</param>
    /// <returns>The composed credentials.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The channel credentials are insecure or composed themselves.</exception>
    public static ChannelCredentials Create(ChannelCredentials channelCredentials, CallCredentials callCredentials)
    {
        ArgumentNullException.ThrowIfNull(channelCredentials);
        ArgumentNullException.ThrowIfNull(callCredentials);
        return channelCredentials.IsComposable
            ? new Composite(channelCredentials, callCredentials)
            : throw new ArgumentException(
                $"CallCredentials can't be composed with {channelCredentials.GetType().Name}. CallCredentials must be used with secure channel credentials like SslCredentials.",
                nameof(channelCredentials));
    }

    /// <summary>Tells an implementation of gRPC what these credentials are. Not for use by applications.</summary>
    /// <param name="configurator">Is told.</param>
    /// <param name="state">Passed on to it.</param>
    public abstract void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state);

    private sealed class InsecureCredentials : ChannelCredentials
    {
        public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state)
            => configurator.SetInsecureCredentials(state);
    }

    private sealed class Composite(ChannelCredentials channelCredentials, CallCredentials callCredentials) : ChannelCredentials
    {
        public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state)
            => configurator.SetCompositeCredentials(state, channelCredentials, callCredentials);
    }
}

/// <summary>How an implementation of gRPC learns what channel credentials are. Not for use by applications.</summary>
public abstract class ChannelCredentialsConfiguratorBase
{
    /// <summary>The channel is not protected.</summary>
    /// <param name="state">The implementation's own.</param>
    public abstract void SetInsecureCredentials(object? state);

    /// <summary>The channel is protected by TLS.</summary>
    /// <param name="state">The implementation's own.</param>
    /// <param name="rootCertificates">The roots in PEM, or null for the platform's.</param>
    /// <param name="keyCertificatePair">The client's certificate, or null for none.</param>
    /// <param name="verifyPeerCallback">A further check of the server, or null for none.</param>
    public abstract void SetSslCredentials(
        object? state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback);

    /// <summary>The channel is protected, and every call is authenticated.</summary>
    /// <param name="state">The implementation's own.</param>
    /// <param name="channelCredentials">Protects the channel.</param>
    /// <param name="callCredentials">Authenticates every call.</param>
    public abstract void SetCompositeCredentials(object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials);
}
