using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// The owner key of an earlier record that some participant may still hold (protocol.md section 8). Pinned, and zeroed on dispose.
/// </summary>
internal sealed class FormerOwnerKey : IDisposable
{
    private readonly byte[] _privateKey;

    /// <summary>Copies a private scalar of 32 bytes.</summary>
    /// <exception cref="ArgumentException">It is not in 1..q-1.</exception>
    internal FormerOwnerKey(RecordId record, ReadOnlySpan<byte> privateKey)
    {
        if (!P256.IsValidScalar(privateKey))
        {
            throw new ArgumentException("a scalar is 32 bytes in 1..q-1", nameof(privateKey));
        }

        Record = record;
        _privateKey = Pinned.Copy(privateKey);
    }

    /// <summary>The record it owns.</summary>
    internal RecordId Record { get; }

    /// <summary>The private scalar, 32 bytes; zeros after dispose.</summary>
    internal ReadOnlySpan<byte> PrivateKey => _privateKey;

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_privateKey);

    /// <summary>Never the key.</summary>
    public override string ToString() => $"[former owner key of {Record}]";
}
