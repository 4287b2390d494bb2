using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Api.Requests;

/// <summary>A Deposit, parsed: what the rule decides on, and what goes to the HSM.</summary>
/// <param name="Deposit">The record.</param>
/// <param name="SealedKey">What this node answered the Prepare with, or anything else.</param>
internal sealed record SealedDeposit(Deposit Deposit, ReadOnlyMemory<byte> SealedKey);

/// <summary>The largest of the messages of protocol.md section 12, and the one that brings a header.</summary>
internal static class DepositParser
{
    /// <summary>The longest sealed_key taken to the HSM; this node's own are a few hundred bytes.</summary>
    internal const int LongestSealedKey = 1024;

    internal static Parsed<SealedDeposit> Parse(DepositRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        ReadOnlyMemory<byte> sealedKey = fields.Between("sealed_key", wire.SealedKey, 1, LongestSealedKey);
        Header? header = ReadHeader(wire.Header, fields);
        ReadOnlyMemory<byte> share = fields.Exactly("masked_share", wire.MaskedShare, Limits.ShareSize);
        ReadOnlyMemory<byte> envelope = fields.Between("envelope", wire.Envelope, Limits.MinEnvelopeSize, Limits.MaxEnvelopeSize);
        ReadOnlyMemory<byte> signature = fields.Exactly("deposit_signature", wire.DepositSignature, OwnerSignature.Size);
        Replacement? replacement = ReadReplacement(wire, fields);
        RecordId? replacesPending = fields.OptionalRecord("replaces_pending", wire.ReplacesPending);
        return fields.Finish(() => new SealedDeposit(
            new Deposit
            {
                Header = header!,
                MaskedShare = share,
                Envelope = envelope,
                DepositSignature = signature,
                Replacement = replacement,
                ReplacesPending = replacesPending,
            },
            sealedKey));
    }

    private static Header? ReadHeader(ByteString bytes, FieldReader fields)
    {
        if (!Header.TryParse(bytes.Span, out Header? header, out FieldFault? fault))
        {
            fields.Refuse(fault.Field, fault.Expected);
            return null;
        }

        if (header.CheckFor(fields.SetId, fields.Account, record: null, fields.Node) is { } foreign)
        {
            fields.Refuse(foreign.Field, foreign.Expected);
        }

        return header;
    }

    private static Replacement? ReadReplacement(DepositRequest wire, FieldReader fields)
    {
        if (wire.ReplaceSignature.IsEmpty && wire.ReplacesRecordId.IsEmpty)
        {
            return null;
        }

        ReadOnlyMemory<byte> signature = fields.Exactly("replace_signature", wire.ReplaceSignature, OwnerSignature.Size);
        return new Replacement(fields.Record("replaces_record_id", wire.ReplacesRecordId), signature);
    }
}
