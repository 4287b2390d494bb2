using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Custodian.Cli.Development;

/// <summary>The P-256 key of a development issuer: its PEM form, its public form as a JWK (RFC 7517), and ES256 signatures.</summary>
internal sealed class DevKey : IDisposable
{
    // A P-256 key in PKCS#8 PEM takes 241 characters.
    private const int LongestPem = 512;

    private readonly ECDsa _key;
    private readonly string _x;
    private readonly string _y;

    private DevKey(ECDsa key)
    {
        _key = key;
        ECParameters parameters = key.ExportParameters(includePrivateParameters: false);
        (_x, _y) = (Base64Url.EncodeToString(parameters.Q.X), Base64Url.EncodeToString(parameters.Q.Y));
        Id = Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{_x}}","y":"{{_y}}"}""")));
    }

    /// <summary>The key's name, <c>kid</c>: its thumbprint (RFC 7638).</summary>
    internal string Id { get; }

    /// <summary>The public key in a JSON Web Key Set, as a node's <c>jwks_file</c> wants it.</summary>
    internal string KeySet => $$"""
        { "keys": [ { "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "{{Id}}", "x": "{{_x}}", "y": "{{_y}}" } ] }

        """;

    /// <summary>A new key.</summary>
    internal static DevKey Generate() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads a key from PEM.</summary>
    /// <exception cref="CryptographicException">It is no P-256 key.</exception>
    internal static DevKey Import(ReadOnlySpan<byte> pem)
    {
        char[] characters = GC.AllocateArray<char>(pem.Length, pinned: true);
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(characters.AsSpan(0, Encoding.UTF8.GetChars(pem, characters)));
            return key.KeySize == 256 ? new DevKey(key) : throw new CryptographicException("the key is not on P-256");
        }
        catch (Exception error)
        {
            key.Dispose();
            throw error is ArgumentException ? new CryptographicException("there is no key in PEM", error) : error;
        }
        finally
        {
            Array.Clear(characters);
        }
    }

    /// <summary>Hands the private key in PEM to <paramref name="write"/>, and zeroes it afterwards.</summary>
    internal void Export(Action<byte[]> write)
    {
        char[] characters = GC.AllocateArray<char>(LongestPem, pinned: true);
        byte[]? pem = null;
        try
        {
            int length = _key.TryExportPkcs8PrivateKeyPem(characters, out int written)
                ? written
                : throw new CryptographicException("the key is longer than expected");
            characters[length++] = '\n';
            pem = GC.AllocateArray<byte>(length, pinned: true);
            Encoding.ASCII.GetBytes(characters.AsSpan(0, length), pem);
            write(pem);
        }
        finally
        {
            Array.Clear(characters);
            CryptographicOperations.ZeroMemory(pem);
        }
    }

    /// <summary>Signs with ES256: 64 bytes r || s (RFC 7518 section 3.4).</summary>
    internal byte[] Sign(ReadOnlySpan<byte> message) =>
        _key.SignData(message, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    /// <summary>Drops the key.</summary>
    public void Dispose() => _key.Dispose();
}
