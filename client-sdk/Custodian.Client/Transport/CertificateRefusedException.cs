using System.Security.Authentication;

namespace Custodian.Client;

/// <summary>
/// A node's certificate is not one to trust. Travels from the TLS handshake to <see cref="FailureReading"/>; not transient.
/// </summary>
internal sealed class CertificateRefusedException(string why) : AuthenticationException(why);
