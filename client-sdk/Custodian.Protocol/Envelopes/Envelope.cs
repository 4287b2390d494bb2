using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// The envelope (protocol.md section 8): <c>u8(1) || nonce || AES-256-GCM(K_env, nonce, padded, aad)</c>, the same bytes at every node.
/// </summary>
internal static class Envelope
{
    private const byte FormatVersion = 1;
    private const byte PaddingMark = 0x80;
    private const int CiphertextOffset = 1 + Limits.EnvelopeNonceSize;
    private const int Overhead = CiphertextOffset + Limits.EnvelopeTagSize;

    /// <summary>Whether a node takes an envelope of this many bytes (section 9): 285..65536.</summary>
    internal static bool IsAcceptableSize(int size) => size is >= Limits.MinEnvelopeSize and <= Limits.MaxEnvelopeSize;

    /// <summary>H(envelope), the header's envelope_digest.</summary>
    internal static byte[] Digest(ReadOnlySpan<byte> envelope) => SHA256.HashData(envelope);

    /// <summary>Pads and seals a serialised payload.</summary>
    /// <param name="key">K_env, 32 bytes. A key is new for every record, so a nonce cannot repeat under it by accident.</param>
    /// <param name="nonce">12 random bytes.</param>
    /// <param name="payload">The serialised payload, at most 65279 bytes.</param>
    /// <param name="account">The account, authenticated with it.</param>
    /// <param name="record">The record, authenticated with it.</param>
    /// <param name="generation">The generation, authenticated with it.</param>
    /// <exception cref="ArgumentOutOfRangeException">A length is wrong.</exception>
    internal static byte[] Seal(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> payload,
        AccountId account,
        RecordId record,
        ulong generation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Limits.WordSize, nameof(key));
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, Limits.EnvelopeNonceSize, nameof(nonce));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, Limits.MaxPayloadSize, nameof(payload));
        byte[] padded = Pad(payload);
        try
        {
            byte[] envelope = new byte[Overhead + padded.Length];
            envelope[0] = FormatVersion;
            nonce.CopyTo(envelope.AsSpan(1));
            using AesGcm aes = new(key, Limits.EnvelopeTagSize);
            aes.Encrypt(nonce, padded, Ciphertext(envelope), Tag(envelope), AssociatedData(account, record, generation));
            return envelope;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(padded);
        }
    }

    /// <summary>
    /// Opens an envelope from anyone. False when its size or version is wrong, when it was not sealed with this key for this account, record
    /// and generation, or when its padding is not the one that <see cref="Seal"/> makes.
    /// </summary>
    /// <param name="key">K_env, 32 bytes.</param>
    /// <param name="envelope">The bytes a node answered.</param>
    /// <param name="account">The account.</param>
    /// <param name="record">The record.</param>
    /// <param name="generation">The generation.</param>
    /// <param name="payload">The serialised payload in a pinned buffer of exactly its size, which the caller zeroes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The key is not 32 bytes.</exception>
    internal static bool TryOpen(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> envelope,
        AccountId account,
        RecordId record,
        ulong generation,
        [NotNullWhen(true)] out byte[]? payload)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Limits.WordSize, nameof(key));
        payload = null;
        if (!HasForm(envelope))
        {
            return false;
        }

        byte[] padded = Pinned.Bytes(envelope.Length - Overhead);
        try
        {
            using AesGcm aes = new(key, Limits.EnvelopeTagSize);
            aes.Decrypt(
                envelope.Slice(1, Limits.EnvelopeNonceSize),
                envelope[CiphertextOffset..^Limits.EnvelopeTagSize],
                envelope[^Limits.EnvelopeTagSize..],
                padded,
                AssociatedData(account, record, generation));
            payload = Unpad(padded);
            return payload is not null;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(padded);
        }
    }

    private static bool HasForm(ReadOnlySpan<byte> envelope) =>
        IsAcceptableSize(envelope.Length)
        && (envelope.Length - Overhead) % Limits.PayloadBlock == 0
        && envelope[0] == FormatVersion;

    private static Span<byte> Ciphertext(byte[] envelope) => envelope.AsSpan()[CiphertextOffset..^Limits.EnvelopeTagSize];

    private static Span<byte> Tag(byte[] envelope) => envelope.AsSpan()[^Limits.EnvelopeTagSize..];

    private static byte[] AssociatedData(AccountId account, RecordId record, ulong generation) =>
        new LengthPrefixed("custodian/v1 envelope").Raw(account.ToArray()).Raw(record.ToArray()).U64(generation).ToArray();

    private static byte[] Pad(ReadOnlySpan<byte> payload)
    {
        byte[] padded = Pinned.Bytes(((payload.Length / Limits.PayloadBlock) + 1) * Limits.PayloadBlock);
        payload.CopyTo(padded);
        padded[payload.Length] = PaddingMark;
        return padded;
    }

    /// <summary>What stands before the mark, when only zeros follow it and it is in the last block; else null.</summary>
    private static byte[]? Unpad(ReadOnlySpan<byte> padded)
    {
        int mark = padded.LastIndexOfAnyExcept((byte)0);
        return mark >= padded.Length - Limits.PayloadBlock && padded[mark] == PaddingMark ? Pinned.Copy(padded[..mark]) : null;
    }
}
