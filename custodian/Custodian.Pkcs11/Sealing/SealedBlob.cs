using System.Buffers.Binary;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sealing;

/// <summary>
/// A blob: <c>header || IV(12) || ciphertext || tag(16)</c>, AES-256-GCM under the version of the token's seal key that the header names, with the AAD
/// <c>"custodian/v1 seal" || lp(header) || lp(caller's aad)</c>.
/// </summary>
/// <remarks>IVs are random, so one seal key serves fewer than 2^32 blobs (NIST SP 800-38D section 8.3).</remarks>
internal static class SealedBlob
{
    /// <summary>The most one blob holds.</summary>
    public const int MaxPlaintext = 65536;

    /// <summary>What a blob of the other mode fails.</summary>
    public const string ModeCheck = "evaluation mode";

    private const int Overhead = Pkcs11Session.GcmIvLength + Pkcs11Session.GcmTagLength;

    private static ReadOnlySpan<byte> Domain => "custodian/v1 seal"u8;

    /// <summary>Seals under the newest seal key.</summary>
    /// <param name="session">Where.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="role">What for.</param>
    /// <param name="wrapVersion">The wrap key's version, exactly where a wrapped key is in it.</param>
    /// <param name="plaintext">What.</param>
    /// <param name="aad">The caller's context.</param>
    public static byte[] Seal(
        Pkcs11Session session, TokenKeySet keys, BlobRole role, uint? wrapVersion, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> aad)
    {
        var headerLength = BlobHeader.Length(keys.Mode, role);

        // Pinned because the module writes into it through a pointer, IV included.
        var blob = GC.AllocateUninitializedArray<byte>(headerLength + Overhead + plaintext.Length, pinned: true);
        var header = blob.AsSpan(0, headerLength);
        BlobHeader.Write(keys.Mode, role, new BlobVersions(keys.New.Seal.Version, wrapVersion), header);
        var iv = blob.AsSpan(headerLength, Pkcs11Session.GcmIvLength);
        session.Random(iv);
        session.Encrypt(keys.New.Seal.Use, iv, Aad(header, aad), plaintext, blob.AsSpan(headerLength + Pkcs11Session.GcmIvLength));
        return blob;
    }

    /// <summary>The plaintext's length, or -1 when these bytes cannot be a blob of that mode and role: see <see cref="Refused"/>.</summary>
    public static int PlaintextLength(EvaluationMode mode, BlobRole role, ReadOnlySpan<byte> blob, out BlobVersions versions)
    {
        var length = blob.Length - BlobHeader.Length(mode, role) - Overhead;
        return BlobHeader.TryRead(mode, role, blob, out versions) && length is >= 0 and <= MaxPlaintext ? length : -1;
    }

    /// <summary>The room <see cref="Open"/> needs for a plaintext: modules want place for the tag too.</summary>
    public static int RoomFor(int plaintextLength) => plaintextLength + Pkcs11Session.GcmTagLength;

    /// <summary>
    /// Opens a blob whose <see cref="PlaintextLength"/> was asked first, into <see cref="RoomFor"/> that plaintext; the caller zeroes all
    /// of the room.
    /// </summary>
    /// <exception cref="HsmException">Data or Ambiguous: it does not open.</exception>
    public static void Open(
        Pkcs11Session session,
        List<SealKey> candidates,
        EvaluationMode mode,
        BlobRole role,
        ReadOnlySpan<byte> blob,
        ReadOnlySpan<byte> aad,
        Span<byte> room)
    {
        var headerLength = BlobHeader.Length(mode, role);
        var iv = blob.Slice(headerLength, Pkcs11Session.GcmIvLength);
        var context = Aad(blob[..headerLength], aad);
        foreach (var key in candidates)
        {
            try
            {
                session.Decrypt(key.Use, iv, context, blob[(headerLength + iv.Length)..], room);
                return;
            }
            catch (HsmException e) when (key != candidates[^1] && TokenKeySet.MayBeOfAnother(e))
            {
                // Two of a version nobody tells apart but by trying.
            }
        }
    }

    /// <summary>The failure of a blob that cannot be one here: it is of the other mode, or of no form that there is.</summary>
    public static HsmException Refused(EvaluationMode mode, ReadOnlySpan<byte> blob) =>
        EvaluationModes.TryRead(blob, out var said) && said != mode
            ? new(
                HsmErrorClass.Data,
                ReturnValue.EncryptedDataInvalid,
                ModeCheck,
                $"The sealed blob is of a node that evaluates {said.Words()}; this one evaluates {mode.Words()}, and does not open it.")
            : Malformed();

    /// <summary>The failure of a blob that cannot be one, or does not hold what its role says.</summary>
    public static HsmException Malformed() =>
        new(HsmErrorClass.Data, ReturnValue.EncryptedDataInvalid, "open", "The sealed blob does not open.");

    private static byte[] Aad(ReadOnlySpan<byte> header, ReadOnlySpan<byte> aad)
    {
        var joined = new byte[Domain.Length + 4 + header.Length + 4 + aad.Length];
        Domain.CopyTo(joined);
        var rest = WriteLengthPrefixed(joined.AsSpan(Domain.Length), header);
        WriteLengthPrefixed(rest, aad);
        return joined;
    }

    private static Span<byte> WriteLengthPrefixed(Span<byte> destination, ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)value.Length);
        value.CopyTo(destination[4..]);
        return destination[(4 + value.Length)..];
    }
}
