using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;

namespace Custodian.Pkcs11.Sessions;

/// <summary>An operation, on the thread of a session that nobody else uses meanwhile.</summary>
/// <exception cref="HsmException">It was not done. Never of class Ambiguous.</exception>
internal delegate T HsmOperation<out T>(SessionLease lease);

/// <summary>
/// The operations of an <see cref="IHsm"/>, ready to run; what they are given must stay as it is until they have. Arguments are those that
/// <see cref="OperationRules"/> asks for.
/// </summary>
internal static class HsmOperations
{
    public static HsmOperation<PreparedKey> Prepare(ReadOnlyMemory<byte> point, long expiresUnixMs, ReadOnlyMemory<byte> aad) =>
        lease => lease.Run((session, keys) => RecordBlobs.Prepare(session, keys, point.Span, expiresUnixMs, aad.Span));

    public static HsmOperation<AdoptedKey> Adopt(
        ReadOnlyMemory<byte> sealedKey,
        long nowUnixMs,
        ReadOnlyMemory<byte> prepareAad,
        ReadOnlyMemory<byte> maskedShare,
        ReadOnlyMemory<byte> recordAad) => lease =>
        {
            var adoption = new Adoption(sealedKey, nowUnixMs, prepareAad, maskedShare, recordAad);
            try
            {
                return lease.Run(adoption.Run);
            }
            catch (HsmException e) when (e.Class == HsmErrorClass.Data && !adoption.Opened)
            {
                return new AdoptedKey(AdoptOutcome.Rejected, null);
            }
        };

    public static HsmOperation<Evaluation> Evaluate(ReadOnlyMemory<byte> sealedRecord, ReadOnlyMemory<byte> aad, ReadOnlyMemory<byte> point) =>
        lease => lease.Run((session, keys) => RecordBlobs.Evaluate(session, keys, sealedRecord.Span, aad.Span, point.Span));

    public static HsmOperation<byte[]> Reseal(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        lease => lease.Run((session, keys) => Resealing.Run(session, keys, sealedBlob.Span, aad.Span));

    public static HsmOperation<byte[]> Seal(ReadOnlyMemory<byte> plaintext, ReadOnlyMemory<byte> aad) =>
        lease => lease.Run((session, keys) => NodeSecretBlobs.Seal(session, keys, plaintext.Span, aad.Span));

    public static HsmOperation<byte[]> Open(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        lease => lease.Run((session, keys) => NodeSecretBlobs.Open(session, keys, sealedBlob.Span, aad.Span));

    public static HsmOperation<HsmSignature> Sign(ReadOnlyMemory<byte> message) => lease => lease.Run((session, keys) =>
    {
        var signature = new byte[Pkcs11Session.SignatureLength];
        var audit = keys.New.Audit;
        session.SignDigest(audit.Handle, SHA256.HashData(message.Span), signature);
        return new HsmSignature(audit.Name.Version, signature);
    });

    public static HsmOperation<bool> Random(Memory<byte> destination) => lease => lease.Run((session, _) =>
    {
        session.Random(destination.Span);
        return true;
    });

    public static HsmOperation<KeyInventory> RefreshKeys(IReadOnlyList<TokenKey>? authorised) => lease => lease.RefreshKeys(authorised);

    public static HsmOperation<bool> Probe() => lease => lease.Run((session, keys) =>
    {
        SelfTest.Canary(session, keys);
        SelfTest.RecordKeyCanary(session, keys);
        return true;
    });
}
