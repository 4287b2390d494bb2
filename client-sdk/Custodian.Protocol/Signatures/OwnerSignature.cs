using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// The signed message and the check of a signature (protocol.md section 10). <see cref="SigningKey.Sign"/> makes one. All of it is public
/// data.
/// </summary>
internal static class OwnerSignature
{
    /// <summary>A signature in bytes, r || s.</summary>
    internal const int Size = 64;

    /// <summary>
    /// <c>"custodian/v1 signature" || lp(purpose) || lp(node_id) || lp(account_id) || lp(record_id) || lp(body)</c>.
    /// </summary>
    /// <param name="purpose">What the signature is for.</param>
    /// <param name="node">The client's own set entry for the connection; at a node, the node itself.</param>
    /// <param name="account">The account.</param>
    /// <param name="record">The record acted on: the new one for <see cref="SignaturePurpose.Replace"/>.</param>
    /// <param name="body">One of <see cref="SignatureBody"/>.</param>
    internal static byte[] Message(SignaturePurpose purpose, NodeId node, AccountId account, RecordId record, ReadOnlySpan<byte> body) =>
        new LengthPrefixed("custodian/v1 signature")
            .Lp(WireName(purpose))
            .Lp(node.Value)
            .Lp(account.ToArray())
            .Lp(record.ToArray())
            .Lp(body)
            .ToArray();

    /// <summary>
    /// Whether the signature is the key's over the message. Takes any bytes: a key that is not 33 bytes of a point, a signature that is not
    /// 64 bytes, and an r or s outside 1..q-1 are a plain false.
    /// </summary>
    internal static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        Span<byte> point = stackalloc byte[P256.PointSize];
        return signature.Length == Size
            && P256.IsValidScalar(signature[..P256.WordSize])
            && P256.IsValidScalar(signature[P256.WordSize..])
            && P256.TryDecompress(publicKey, point)
            && VerifyUnder(point, message, signature);
    }

    private static bool VerifyUnder(ReadOnlySpan<byte> point65, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        using ECDsa key = P256.ImportPublic(point65);
        return key.VerifyData(message, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    private static string WireName(SignaturePurpose purpose) => purpose switch
    {
        SignaturePurpose.Deposit => "deposit",
        SignaturePurpose.Replace => "replace",
        SignaturePurpose.Activate => "activate",
        SignaturePurpose.Confirm => "confirm",
        SignaturePurpose.Retire => "retire",
        SignaturePurpose.Delete => "delete",
        _ => throw new ArgumentOutOfRangeException(nameof(purpose)),
    };
}
