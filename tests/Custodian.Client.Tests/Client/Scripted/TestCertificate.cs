using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Custodian.Client.Tests;

/// <summary>Certificates made for a test, for 127.0.0.1 unless the test wants another name.</summary>
internal static class TestCertificate
{
    private static readonly DateTimeOffset Start = TimeProvider.System.GetUtcNow().AddDays(-2);

    internal static X509Certificate2 SelfSigned(string? host = null, TimeSpan? endsAfter = null) =>
        Request(host).CreateSelfSigned(Start, Start.Add(endsAfter ?? TimeSpan.FromDays(30)));

    internal static X509Certificate2 Authority(string name = "CN=test authority")
    {
        CertificateRequest request = new(name, ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Start, Start.AddDays(30));
    }

    internal static X509Certificate2 IssuedBy(X509Certificate2 authority)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = Request(null, key);
        using X509Certificate2 issued = request.Create(authority, Start, Start.AddDays(20), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    internal static string Pin(X509Certificate2 certificate) =>
        Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static CertificateRequest Request(string? host, ECDsa? key = null)
    {
        CertificateRequest request = new("CN=node", key ?? ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        if (host is null)
        {
            names.AddIpAddress(IPAddress.Loopback);
        }
        else
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        return request;
    }
}
