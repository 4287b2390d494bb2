using Custodian.Protocol;

namespace Custodian.Core;

/// <summary>Where a call acts, as its signature must say it (protocol.md section 10).</summary>
/// <param name="Node">This node; the signer took the name from its own set, never from what a node reports.</param>
/// <param name="Account">The account of the token.</param>
/// <param name="Record">The record acted on.</param>
internal readonly record struct SignedPlace(NodeId Node, AccountId Account, RecordId Record)
{
    /// <summary>Whether the key signed this body for this purpose, at this place.</summary>
    internal bool IsSigned(SignaturePurpose purpose, ReadOnlyMemory<byte> key, byte[] body, ReadOnlyMemory<byte> signature) =>
        OwnerSignature.Verify(key.Span, OwnerSignature.Message(purpose, Node, Account, Record, body), signature.Span);
}
