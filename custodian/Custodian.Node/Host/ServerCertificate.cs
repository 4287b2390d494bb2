using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Custodian.Node.Host;

/// <summary>The node's certificate with its key, and the intermediates that are sent along.</summary>
internal sealed record ServerCertificate(X509Certificate2 Certificate, X509Certificate2Collection Intermediates)
{
    /// <summary>SHA-256 of the SubjectPublicKeyInfo, base64: what a client may pin.</summary>
    internal string Pin => Convert.ToBase64String(SHA256.HashData(Certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <exception cref="NodeStartException">The files hold no usable certificate and key.</exception>
    internal static ServerCertificate Load(TlsSettings tls)
    {
        try
        {
            return tls.PfxFile is null ? FromPem(tls.CertificateFile!, tls.KeyFile!) : FromPfx(tls.PfxFile, tls.PfxPasswordFile);
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new NodeStartException($"the TLS certificate cannot be loaded from {tls.PfxFile ?? tls.CertificateFile}: {error.Message}", error);
        }
    }

    private static ServerCertificate FromPem(string certificateFile, string keyFile)
    {
        X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificateFile);
        return new ServerCertificate(certificate, Others(chain, certificate));
    }

    private static ServerCertificate FromPfx(string pfxFile, string? passwordFile)
    {
        string? password = passwordFile is null ? null : File.ReadAllText(passwordFile).TrimEnd('\r', '\n');
        X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12CollectionFromFile(pfxFile, password);
        X509Certificate2 certificate = all.FirstOrDefault(c => c.HasPrivateKey)
            ?? throw new NodeStartException($"{pfxFile} holds no private key");
        return new ServerCertificate(certificate, Others(all, certificate));
    }

    private static X509Certificate2Collection Others(X509Certificate2Collection all, X509Certificate2 own) =>
        [.. all.Where(c => c.Thumbprint != own.Thumbprint)];
}
