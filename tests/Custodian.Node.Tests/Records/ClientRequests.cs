using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Tests.Records;

/// <summary>The messages of protocol.md section 12 for a record, as a client sends them.</summary>
internal static class ClientRequests
{
    /// <summary>An x-coordinate that lift_x takes: the generator's.</summary>
    internal static readonly ByteString Blinded =
        ByteString.CopyFrom(Convert.FromHexString("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"));

    /// <summary>Another one: that of twice the generator.</summary>
    internal static readonly ByteString OtherBlinded =
        ByteString.CopyFrom(Convert.FromHexString("7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"));

    private static string Set => ClientRecord.Set.Value;

    internal static PrepareRequest Prepare(this ClientRecord record) =>
        new() { SetId = Set, RecordId = Bytes(record.Id), Blinded = Blinded };

    internal static DepositRequest DepositMessage(
        this ClientRecord record, ByteString sealedKey, ClientRecord? replaced = null, RecordId? replacesPending = null) => new()
        {
            SetId = Set,
            SealedKey = sealedKey,
            Header = ByteString.CopyFrom(record.Header.Bytes.Span),
            MaskedShare = ByteString.CopyFrom(record.MaskedShare),
            Envelope = ByteString.CopyFrom(record.Envelope),
            DepositSignature = ByteString.CopyFrom(record.DepositSignature()),
            ReplaceSignature = replaced is null ? ByteString.Empty : ByteString.CopyFrom(record.ReplaceSignature(replaced)),
            ReplacesRecordId = replaced is null ? ByteString.Empty : Bytes(replaced.Id),
            ReplacesPending = replacesPending is { } pending ? Bytes(pending) : ByteString.Empty,
        };

    internal static ActivateRequest ActivateMessage(this ClientRecord record) =>
        new() { SetId = Set, RecordId = Bytes(record.Id), Signature = ByteString.CopyFrom(record.Activate().Signature.Span) };

    internal static EvaluateRequest Evaluate(this ClientRecord record, AttemptId attempt, ByteString? blinded = null) =>
        new() { SetId = Set, RecordId = Bytes(record.Id), AttemptId = Bytes(attempt), Blinded = blinded ?? Blinded };

    internal static ConfirmRequest ConfirmMessage(this ClientRecord record, AttemptId attempt, ulong sequence) => new()
    {
        SetId = Set,
        RecordId = Bytes(record.Id),
        AttemptId = Bytes(attempt),
        Sequence = sequence,
        Signature = ByteString.CopyFrom(record.Confirm(attempt, sequence).Signature.Span),
    };

    internal static RetireRequest RetireMessage(this ClientRecord record, ClientRecord active) =>
        new() { SetId = Set, RecordId = Bytes(record.Id), Signature = ByteString.CopyFrom(record.Retire(active).Signature.Span) };

    internal static DeleteRequest DeleteMessage(this ClientRecord record, RecordState believed) => new()
    {
        SetId = Set,
        RecordId = Bytes(record.Id),
        State = believed,
        Signature = ByteString.CopyFrom(record.Delete(believed).Signature.Span),
    };

    internal static DescribeRequest Describe() => new() { SetId = Set };

    private static ByteString Bytes(RecordId id) => ByteString.CopyFrom(id.ToArray());

    private static ByteString Bytes(AttemptId id) => ByteString.CopyFrom(id.ToArray());
}
