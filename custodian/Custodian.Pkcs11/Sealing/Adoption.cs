using System.Buffers.Binary;
using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sealing;

/// <summary>One adoption. Remembers whether the sealed key opened and its wrap key unwrapped it, so that only a failure of that counts as a refusal.</summary>
internal sealed class Adoption(
    ReadOnlyMemory<byte> sealedKey,
    long nowUnixMs,
    ReadOnlyMemory<byte> prepareAad,
    ReadOnlyMemory<byte> maskedShare,
    ReadOnlyMemory<byte> recordAad)
{
    public bool Opened { get; private set; }

    public AdoptedKey Run(Pkcs11Session session, TokenKeySet keys)
    {
        Opened = false;
        Span<byte> room = stackalloc byte[SealedBlob.RoomFor(WrappedKeyContent.MaxLength)];
        try
        {
            var prepared = RecordBlobs.OpenContent(session, keys, BlobRole.PreparedKey, sealedKey.Span, prepareAad.Span, room, out var wrapVersion);

            // A record under a wrap key that is gone could never be evaluated.
            if (keys.Module is { } module)
            {
                RecordKey.RequireUnwraps(session, module, keys.WrapsOf(wrapVersion), prepared.Wrapped);
            }
            Opened = true;
            return nowUnixMs >= BinaryPrimitives.ReadInt64BigEndian(prepared.Tail)
                ? new AdoptedKey(AdoptOutcome.Expired, null)
                : new AdoptedKey(AdoptOutcome.Adopted, SealRecord(session, keys, wrapVersion, prepared));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
            keys.WipeFreed();
        }
    }

    private byte[] SealRecord(Pkcs11Session session, TokenKeySet keys, uint? wrapVersion, WrappedKeyContent prepared)
    {
        Span<byte> content = stackalloc byte[WrappedKeyContent.MaxLength];
        try
        {
            var length = WrappedKeyContent.Write(prepared.Wrapped, prepared.Point, maskedShare.Span, content);
            return SealedBlob.Seal(session, keys, BlobRole.Record, wrapVersion, content[..length], recordAad.Span);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}
