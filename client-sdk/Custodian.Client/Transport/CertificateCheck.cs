using System.Collections.Immutable;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Custodian.Client;

/// <summary>
/// Whether a certificate is a node's: it names the host, is within its dates, leads to the node's authorities where the set gives some,
/// has a pinned key where the set gives pins, and leads to a root of the system where it gives neither.
/// </summary>
internal sealed class CertificateCheck(CustodianNode node, TimeProvider time)
{
    private readonly ImmutableArray<byte[]> _pins = [.. node.Pins.Select(Convert.FromBase64String)];

    /// <summary>How the handshake builds its chain: to the node's own authorities where it has some.</summary>
    internal X509ChainPolicy? ChainPolicy()
    {
        if (node.Authorities.IsEmpty)
        {
            return null;
        }

        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(node.Authorities.ToArray());
        return policy;
    }

    /// <summary>The callback of the handshake.</summary>
    /// <exception cref="CertificateRefusedException">The certificate is not the node's; the message says why.</exception>
    internal bool Validate(X509Certificate? certificate, SslPolicyErrors errors)
    {
        using X509Certificate2? presented = certificate is null ? null : new X509Certificate2(certificate);
        return WhyNot(presented, errors) is { } why ? throw new CertificateRefusedException(why) : true;
    }

    /// <summary>Why the certificate is refused, or null.</summary>
    internal string? WhyNot(X509Certificate2? certificate, SslPolicyErrors errors)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return "it showed no certificate";
        }

        return WhyNotNow(certificate)
            ?? (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $"its certificate is not for {node.Address.Host}" : null)
            ?? (NeedsChain && errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) ? WhyNoChain(certificate) : null)
            ?? (IsPinned(certificate) ? null : "the key of its certificate is not one of the pinned ones");
    }

    private bool NeedsChain => _pins.IsEmpty || !node.Authorities.IsEmpty;

    private string WhyNoChain(X509Certificate2 certificate) => (IsSelfSigned(certificate), node.Authorities.IsEmpty) switch
    {
        (true, true) => "its certificate is self-signed, which this system does not trust",
        (true, false) => "its certificate is self-signed, and none of the authorities of the set",
        (false, true) => "its certificate leads to no root that this system trusts",
        (false, false) => "its certificate does not lead to the authorities of the set",
    };

    private static bool IsSelfSigned(X509Certificate2 certificate) =>
        certificate.IssuerName.RawData.AsSpan().SequenceEqual(certificate.SubjectName.RawData);

    private string? WhyNotNow(X509Certificate2 certificate)
    {
        DateTime now = time.GetUtcNow().UtcDateTime;
        return now > certificate.NotAfter.ToUniversalTime() ? $"its certificate expired on {Date(certificate.NotAfter)}"
            : now < certificate.NotBefore.ToUniversalTime() ? $"its certificate is not valid before {Date(certificate.NotBefore)}"
            : null;
    }

    private bool IsPinned(X509Certificate2 certificate)
    {
        byte[] digest = SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());
        return _pins.IsEmpty || _pins.Any(pin => pin.AsSpan().SequenceEqual(digest));
    }

    private static string Date(DateTime date) => date.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
