using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// What follows from a recovery key (protocol.md section 7): envelope key, commitment, owner key and confirm key. Pinned, and zeroed on
/// dispose. The owner's private key can be read, to be kept in the device's key store; the confirm key cannot: it only signs.
/// </summary>
internal sealed class RecordKeys : IDisposable
{
    /// <summary>The length of a recovery key, RK.</summary>
    internal const int RecoveryKeySize = 32;

    private const int WideSize = 48;

    private readonly byte[] _envelopeKey = Pinned.Bytes(Limits.WordSize);
    private readonly byte[] _commitment = Pinned.Bytes(Limits.WordSize);
    private readonly byte[] _ownerPrivateKey = Pinned.Bytes(P256.WordSize);
    private bool _disposed;

    private RecordKeys(ReadOnlySpan<byte> prk)
    {
        Expand(prk, "custodian/v1 envelope"u8, _envelopeKey);
        Expand(prk, "custodian/v1 commitment"u8, _commitment);
        DeriveScalar(prk, "custodian/v1 owner"u8, _ownerPrivateKey);
        Owner = SigningKey.Create(_ownerPrivateKey);
        Confirm = DeriveSigningKey(prk, "custodian/v1 confirm"u8);
    }

    /// <summary>K_env, 32 bytes.</summary>
    /// <exception cref="ObjectDisposedException">Disposed.</exception>
    internal ReadOnlySpan<byte> EnvelopeKey => Alive(_envelopeKey);

    /// <summary>The commitment to RK, 32 bytes; public in the header.</summary>
    /// <exception cref="ObjectDisposedException">Disposed.</exception>
    internal ReadOnlySpan<byte> Commitment => Alive(_commitment);

    /// <summary>The owner's private scalar, 32 bytes: for the device's key store and the <c>former_owners</c> of later records.</summary>
    /// <exception cref="ObjectDisposedException">Disposed.</exception>
    internal ReadOnlySpan<byte> OwnerPrivateKey => Alive(_ownerPrivateKey);

    /// <summary>The owner key: authorises changes.</summary>
    internal SigningKey Owner { get; }

    /// <summary>The confirm key: resets attempts, and never leaves the SDK.</summary>
    internal SigningKey Confirm { get; }

    /// <summary>The key schedule of a record.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The recovery key is not 32 bytes.</exception>
    internal static RecordKeys Derive(ReadOnlySpan<byte> recoveryKey, RecordId record)
    {
        Span<byte> prk = stackalloc byte[SHA256.HashSizeInBytes];
        try
        {
            Extract(recoveryKey, record, prk);
            return new RecordKeys(prk);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(prk);
        }
    }

    /// <summary>
    /// Tries a candidate for RK: the keys when its commitment is the header's, compared in fixed time, and its owner and confirm keys are
    /// too (section 14). A wrong candidate, as most subsets of shares give, costs two HMACs and no curve operation.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The candidate is not 32 bytes.</exception>
    internal static bool TryDerive(ReadOnlySpan<byte> candidate, Header header, [NotNullWhen(true)] out RecordKeys? keys)
    {
        keys = IsCommitted(candidate, header) ? Derive(candidate, header.RecordId) : null;
        if (keys is not null && !keys.AreOf(header))
        {
            keys.Dispose();
            keys = null;
        }

        return keys is not null;
    }

    /// <summary>Whether commitment, owner key and confirm key are the header's. Fixed time.</summary>
    internal bool AreOf(Header header) =>
        CryptographicOperations.FixedTimeEquals(Commitment, header.Commitment.Span)
        & CryptographicOperations.FixedTimeEquals(Owner.PublicKey, header.OwnerPublicKey.Span)
        & CryptographicOperations.FixedTimeEquals(Confirm.PublicKey, header.ConfirmPublicKey.Span);

    /// <summary>Zeroes everything.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_envelopeKey);
        CryptographicOperations.ZeroMemory(_commitment);
        CryptographicOperations.ZeroMemory(_ownerPrivateKey);
        Owner.Dispose();
        Confirm.Dispose();
    }

    /// <summary>Never the keys.</summary>
    public override string ToString() => "[record keys]";

    private static bool IsCommitted(ReadOnlySpan<byte> candidate, Header header)
    {
        Span<byte> prk = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> commitment = stackalloc byte[Limits.WordSize];
        try
        {
            Extract(candidate, header.RecordId, prk);
            Expand(prk, "custodian/v1 commitment"u8, commitment);
            return CryptographicOperations.FixedTimeEquals(commitment, header.Commitment.Span);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(prk);
            CryptographicOperations.ZeroMemory(commitment);
        }
    }

    private static void Extract(ReadOnlySpan<byte> recoveryKey, RecordId record, Span<byte> prk)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(recoveryKey.Length, RecoveryKeySize, nameof(recoveryKey));
        Span<byte> salt = stackalloc byte[RecordId.Size];
        record.CopyTo(salt);
        HKDF.Extract(HashAlgorithmName.SHA256, recoveryKey, salt, prk);
    }

    private static void Expand(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> label, Span<byte> output) =>
        HKDF.Expand(HashAlgorithmName.SHA256, prk, output, label);

    private static void DeriveScalar(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> label, Span<byte> scalar32)
    {
        Span<byte> wide = stackalloc byte[WideSize];
        Expand(prk, label, wide);
        P256.ReduceToScalar(wide, scalar32);
        CryptographicOperations.ZeroMemory(wide);
    }

    private static SigningKey DeriveSigningKey(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> label)
    {
        Span<byte> scalar = stackalloc byte[P256.WordSize];
        DeriveScalar(prk, label, scalar);
        try
        {
            return SigningKey.Create(scalar);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    private byte[] Alive(byte[] bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return bytes;
    }
}
