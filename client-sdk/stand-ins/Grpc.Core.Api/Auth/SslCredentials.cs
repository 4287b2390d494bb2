namespace Grpc.Core;

/// <summary>Protects a channel by TLS.</summary>
public sealed class SslCredentials : ChannelCredentials
{
    private readonly VerifyPeerCallback? verifyPeerCallback;

    /// <summary>TLS with the roots of the platform and without a client certificate.</summary>
    public SslCredentials()
        : this(null, null, null)
    {
    }

    /// <summary>TLS without a client certificate.</summary>
    /// <param name="rootCertificates">The roots in PEM, or null for the platform's.</param>
    public SslCredentials(string? rootCertificates)
        : this(rootCertificates, null, null)
    {
    }

    /// <summary>TLS with a client certificate.</summary>
    /// <param name="rootCertificates">The roots in PEM, or null for the platform's.</param>
    /// <param name="keyCertificatePair">The client's certificate, or null for none.</param>
    public SslCredentials(string? rootCertificates, KeyCertificatePair? keyCertificatePair)
        : this(rootCertificates, keyCertificatePair, null)
    {
    }

    /// <summary>TLS with a client certificate and a further check of the server.</summary>
    /// <param name="rootCertificates">The roots in PEM, or null for the platform's.</param>
    /// <param name="keyCertificatePair">The client's certificate, or null for none.</param>
    /// <param name="verifyPeerCallback">The check, or null for none.</param>
    public SslCredentials(string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback)
    {
        RootCertificates = rootCertificates;
        KeyCertificatePair = keyCertificatePair;
        this.verifyPeerCallback = verifyPeerCallback;
    }

    /// <summary>The roots in PEM, or null for the platform's.</summary>
    public string? RootCertificates { get; }

    /// <summary>The client's certificate, or null for none.</summary>
    public KeyCertificatePair? KeyCertificatePair { get; }

    internal override bool IsComposable => true;

    /// <inheritdoc/>
    public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state)
        => configurator.SetSslCredentials(state, RootCertificates, KeyCertificatePair, verifyPeerCallback);
}

/// <summary>A certificate with its private key, in PEM.</summary>
public sealed class KeyCertificatePair
{
    /// <summary>A certificate with its private key.</summary>
    /// <param name="certificateChain">The certificate and its chain, in PEM.</param>
    /// <param name="privateKey">The private key, in PEM.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public KeyCertificatePair(string certificateChain, string privateKey)
    {
        ArgumentNullException.ThrowIfNull(certificateChain);
        ArgumentNullException.ThrowIfNull(privateKey);
        CertificateChain = certificateChain;
        PrivateKey = privateKey;
    }

    /// <summary>The certificate and its chain, in PEM.</summary>
    public string CertificateChain { get; }

    /// <summary>The private key, in PEM.</summary>
    public string PrivateKey { get; }
}

/// <summary>Checks a server's certificate, after the usual checks have passed.</summary>
/// <param name="context">The server.</param>
/// <returns>Whether the handshake may go on.</returns>
public delegate bool VerifyPeerCallback(VerifyPeerContext context);

/// <summary>The server that a <see cref="VerifyPeerCallback"/> checks. Only an implementation of gRPC makes one.</summary>
public class VerifyPeerContext
{
    internal VerifyPeerContext(string targetName, string peerPem)
    {
        TargetName = targetName;
        PeerPem = peerPem;
    }

    /// <summary>The name of the server that was to be reached.</summary>
    public string TargetName { get; }

    /// <summary>The server's certificate, in PEM.</summary>
    public string PeerPem { get; }
}
