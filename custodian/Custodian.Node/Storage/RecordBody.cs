using System.Buffers.Binary;
using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>What was deposited and never changes. Ciphertext and public values only; the store encrypts it because the header names the
/// account.</summary>
internal sealed record RecordBody(
    Header Header,
    ReadOnlyMemory<byte> MaskedShareDigest,
    ReadOnlyMemory<byte> DepositSignature,
    Replacement? Replacement,
    ReadOnlyMemory<byte> Envelope)
{
    private const int SignatureSize = 64;
    private const int ReplacementSize = RecordId.Size + SignatureSize;

    internal static RecordBody Of(StoredRecord record) =>
        new(record.Header, record.MaskedShareDigest, record.DepositSignature, record.Replacement, record.Envelope);

    /// <summary>About how much memory it takes, in bytes.</summary>
    internal int Weight => 1024 + (3 * Header.Bytes.Length) + Envelope.Length;

    /// <summary><c>lp(header) || lp(H(masked)) || lp(deposit signature) || lp(replaced record_id || signature, or nothing) || envelope</c>.</summary>
    internal byte[] Encode()
    {
        byte[] replacement = Replacement is { } by ? [.. by.Replaced.ToArray(), .. by.Signature.Span] : [];
        return new LengthPrefixed()
            .Lp(Header.Bytes.Span).Lp(MaskedShareDigest.Span).Lp(DepositSignature.Span).Lp(replacement).Raw(Envelope.Span).ToArray();
    }

    /// <exception cref="FormatException">The bytes are no body.</exception>
    internal static RecordBody Decode(ReadOnlyMemory<byte> bytes)
    {
        ReadOnlyMemory<byte> header = Take(ref bytes);
        ReadOnlyMemory<byte> digest = Take(ref bytes);
        ReadOnlyMemory<byte> signature = Take(ref bytes);
        ReadOnlyMemory<byte> replacement = Take(ref bytes);
        return Header.TryParse(header.Span, out Header? parsed, out _)
            ? new RecordBody(parsed, digest, signature, DecodeReplacement(replacement), bytes)
            : throw new FormatException("a stored header that is none");
    }

    private static Replacement? DecodeReplacement(ReadOnlyMemory<byte> bytes) => bytes.Length switch
    {
        0 => null,
        ReplacementSize => new Replacement(RecordId.Read(bytes.Span[..RecordId.Size]), bytes[RecordId.Size..]),
        _ => throw new FormatException("a stored replacement of a broken length"),
    };

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest)
    {
        uint length = rest.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(rest.Span) : uint.MaxValue;
        if (length > rest.Length - sizeof(uint))
        {
            throw new FormatException("a stored body that ends early");
        }

        ReadOnlyMemory<byte> taken = rest.Slice(sizeof(uint), (int)length);
        rest = rest[(sizeof(uint) + (int)length)..];
        return taken;
    }
}

/// <summary>
/// Encrypts bodies under the storage key: AES-256-GCM, bound to the account's row and the record_id. The nonce and the tag together are
/// the body's name in the record row, whose MAC covers them; the ciphertext lies in a table of its own. One thread at a time.
/// </summary>
internal sealed class BodyCipher(NodeSecrets secrets) : IDisposable
{
    private const int NonceSize = 12;
    private const int GcmTagSize = 16;

    /// <summary>Length of <c>nonce || GCM tag</c>.</summary>
    internal const int TagSize = NonceSize + GcmTagSize;

    private readonly AesGcm _gcm = new(secrets.StorageKey, GcmTagSize);

    internal (byte[] Tag, byte[] Ciphertext) Seal(ReadOnlySpan<byte> row, ReadOnlySpan<byte> recordId, ReadOnlySpan<byte> plaintext)
    {
        byte[] tag = new byte[TagSize];
        byte[] ciphertext = new byte[plaintext.Length];
        RandomNumberGenerator.Fill(tag.AsSpan(0, NonceSize));
        _gcm.Encrypt(tag.AsSpan(0, NonceSize), plaintext, ciphertext, tag.AsSpan(NonceSize), Context(row, recordId));
        return (tag, ciphertext);
    }

    /// <exception cref="CryptographicException">It is not what was sealed.</exception>
    internal byte[] Open(ReadOnlySpan<byte> row, ReadOnlySpan<byte> recordId, ReadOnlySpan<byte> tag, ReadOnlySpan<byte> ciphertext)
    {
        byte[] plaintext = new byte[ciphertext.Length];
        _gcm.Decrypt(tag[..NonceSize], ciphertext, tag[NonceSize..], plaintext, Context(row, recordId));
        return plaintext;
    }

    /// <inheritdoc/>
    public void Dispose() => _gcm.Dispose();

    private static byte[] Context(ReadOnlySpan<byte> row, ReadOnlySpan<byte> recordId) =>
        new LengthPrefixed("custodian/store/1 bodies").Lp(row).Lp(recordId).ToArray();
}
