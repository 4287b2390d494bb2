using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// A private scalar that signs: an owner key or a confirm key (protocol.md section 7). It cannot be read back: what may leave is decided
/// where the key is derived. Thread-safe.
/// </summary>
internal sealed class SigningKey : IDisposable
{
    private readonly Lock _signing = new();
    private readonly ECDsa _key;
    private readonly byte[] _publicKey = new byte[P256.CompressedSize];

    private SigningKey(ECDsa key)
    {
        _key = key;
        P256.ExportPublic(key, _publicKey);
    }

    /// <summary>The public key, SEC1 compressed, 33 bytes.</summary>
    internal ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <summary>Takes a private scalar of 32 bytes.</summary>
    /// <exception cref="ArgumentException">It is not in 1..q-1.</exception>
    internal static SigningKey Create(ReadOnlySpan<byte> scalar32)
    {
        try
        {
            return new(P256.ImportPrivate(scalar32));
        }
        finally
        {
            FreedMemory.Wipe();
        }
    }

    /// <summary>Takes a private scalar from outside. Returns false when it is not 32 bytes in 1..q-1.</summary>
    internal static bool TryCreate(ReadOnlySpan<byte> scalar, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SigningKey? key)
    {
        key = P256.IsValidScalar(scalar) ? Create(scalar) : null;
        return key is not null;
    }

    /// <summary>ECDSA P-256 SHA-256 over the message, 64 bytes r || s, randomised (protocol.md section 10).</summary>
    /// <exception cref="ObjectDisposedException">The key was disposed.</exception>
    internal byte[] Sign(ReadOnlySpan<byte> message)
    {
        lock (_signing)
        {
            try
            {
                return _key.SignData(message, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            }
            finally
            {
                FreedMemory.Wipe();
            }
        }
    }

    /// <summary>Drops the private key, which the platform overwrites.</summary>
    public void Dispose()
    {
        lock (_signing)
        {
            _key.Dispose();
        }
    }

    /// <summary>Never the key.</summary>
    public override string ToString() => "[signing key]";
}
