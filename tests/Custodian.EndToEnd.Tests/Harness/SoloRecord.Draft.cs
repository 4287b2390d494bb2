using System.Security.Cryptography;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Harness;

internal sealed partial class SoloRecord
{
    /// <summary>A record that is not deposited yet: what a client says to the node, and what it makes of the answer.</summary>
    internal sealed class Draft(RawCaller caller, SetId set, NodeId node, AccountId account)
    {
        private readonly RecordId _record = RecordId.Draw();
        private Blinded? _blinded;

        internal int MaxAttempts { get; init; } = 10;

        /// <summary>The account's record that it is to replace, if there is one.</summary>
        internal SoloRecord? Replaces { get; init; }

        internal PrepareRequest Prepare()
        {
            _blinded ??= new Blinded(account, _record, node);
            return new PrepareRequest { RecordId = ByteString.CopyFrom(_record.ToArray()), Blinded = _blinded.Bytes, SetId = set.Value };
        }

        /// <summary>The record, and the Deposit that makes it one.</summary>
        internal (SoloRecord Record, DepositRequest Deposit) Complete(PrepareResponse prepared)
        {
            ulong generation = Replaces is null ? 1 : Replaces.Header.Generation + 1;
            byte[] recoveryKey = RandomNumberGenerator.GetBytes(RecordKeys.RecoveryKeySize);
            RecordKeys keys = RecordKeys.Derive(recoveryKey, _record);
            byte[] envelope = Envelope.Seal(
                keys.EnvelopeKey, RandomNumberGenerator.GetBytes(Limits.EnvelopeNonceSize), "\n\x01k"u8, account, _record, generation);
            byte[] mask = _blinded!.MaskOf(prepared.Evaluated);
            Header header = Header.Create(new HeaderFields
            {
                SetId = set, AccountId = account, RecordId = _record, Generation = generation, CreatedUnixMs = 1, Threshold = 1,
                Participants = [new HeaderParticipant(node, 1)], Kdf = StretchParameters.ForNewRecord(new byte[16]),
                Commitment = keys.Commitment.ToArray(), OwnerPublicKey = keys.Owner.PublicKey.ToArray(),
                ConfirmPublicKey = keys.Confirm.PublicKey.ToArray(), MaxAttempts = MaxAttempts, EnvelopeDigest = Envelope.Digest(envelope),
            });
            byte[] masked = [.. recoveryKey.Zip(mask, (share, m) => (byte)(share ^ m))];
            var solo = new SoloRecord(caller, set, node, account, header, keys, [.. mask]);
            var deposit = new DepositRequest
            {
                SealedKey = prepared.SealedKey, Header = ByteString.CopyFrom(header.Bytes.Span), MaskedShare = ByteString.CopyFrom(masked),
                Envelope = ByteString.CopyFrom(envelope), SetId = set.Value,
                DepositSignature = solo.Sign(keys.Owner, SignaturePurpose.Deposit, SignatureBody.Deposit(header.Hash.Span, masked)),
            };
            if (Replaces is not null)
            {
                deposit.ReplacesRecordId = Replaces.Id;
                deposit.ReplaceSignature = solo.Sign(Replaces._keys.Owner, SignaturePurpose.Replace, SignatureBody.Replace(header.Hash.Span));
            }

            return (solo, deposit);
        }
    }
}
