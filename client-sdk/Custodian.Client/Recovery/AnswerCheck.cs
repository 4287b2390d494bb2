using System.Diagnostics.CodeAnalysis;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Client;

/// <summary>
/// Checks an EvaluateResponse (protocol.md section 14): one that fails makes its node faulty. Pure. Above all, the masked share must be the
/// one that the owner deposited: a node that may choose its share freely can make its answer right for one guess of the secret only, and
/// learn from the client's success whether the guess was right.
/// </summary>
internal static class AnswerCheck
{
    private const int FirstReserved = 10;
    private const int LastReserved = 12;

    /// <summary>Why the node is faulty, or null.</summary>
    internal static string? WhyFaulty(EvaluateResponse response, Header header, NodeId node, AccountId account) =>
        HasReservedFields(response) ? "its answer carries fields that version 1 does not know how to apply"
        : response.MaskedShare.Length != Limits.ShareSize ? "its masked share is not 32 bytes"
        : !IsDeposited(response, header, node, account) ? "its masked share is not the one that was deposited"
        : !header.EnvelopeDigest.Span.SequenceEqual(Envelope.Digest(response.Envelope.Span)) ? "its envelope is not the one that was deposited"
        : !P256.IsXCoordinate(response.Evaluated.Span) ? "what it evaluated is no point of the curve"
        : response.AttemptsRemaining >= header.MaxAttempts ? "it shows no charge for the attempt"
        : null;

    private static bool IsDeposited(EvaluateResponse response, Header header, NodeId node, AccountId account)
    {
        byte[] body = SignatureBody.Deposit(header.Hash.Span, response.MaskedShare.Span);
        byte[] message = OwnerSignature.Message(SignaturePurpose.Deposit, node, account, header.RecordId, body);
        return OwnerSignature.Verify(header.OwnerPublicKey.Span, message, response.DepositSignature.Span);
    }

    /// <summary>
    /// Looks at the top-level tags alone. Groups, which version 1 has none of, count as reserved: skipping them recurses as deep as the node
    /// likes, and what cannot be skipped cannot be known to be harmless.
    /// </summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "the scan fails closed")]
    private static bool HasReservedFields(EvaluateResponse response)
    {
        try
        {
            using CodedInputStream stream = new(response.ToByteArray());
            for (uint tag = stream.ReadTag(); tag != 0; tag = stream.ReadTag())
            {
                if (IsReserved(tag))
                {
                    return true;
                }

                stream.SkipLastField();
            }

            return false;
        }
        catch (Exception)
        {
            return true;
        }
    }

    private static bool IsReserved(uint tag) =>
        WireFormat.GetTagFieldNumber(tag) is >= FirstReserved and <= LastReserved
        || WireFormat.GetTagWireType(tag) is WireFormat.WireType.StartGroup or WireFormat.WireType.EndGroup;
}
