using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Api.Requests;

/// <summary>A Prepare, parsed: the record to come and the blinded point, 65 bytes.</summary>
internal sealed record PrepareCall(RecordId Record, ReadOnlyMemory<byte> Point);

/// <summary>An Evaluate, parsed: what the rule decides on, and the blinded point for the HSM, 65 bytes.</summary>
internal sealed record PointedEvaluate(EvaluateCall Call, ReadOnlyMemory<byte> Point);

/// <summary>A Describe, parsed: it names nothing but its set.</summary>
internal sealed record DescribeCall;

/// <summary>
/// From the messages of protocol.md section 12 to calls, every field by name; the first field outside its form makes the request
/// INVALID_REQUEST (section 13). Unknown fields are ignored, as proto3 has it. Pure.
/// </summary>
internal static class RequestParser
{
    internal static Parsed<PrepareCall> Prepare(PrepareRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        RecordId record = fields.Record("record_id", wire.RecordId);
        ReadOnlyMemory<byte> point = fields.Point("blinded", wire.Blinded);
        return fields.Finish(() => new PrepareCall(record, point));
    }

    internal static Parsed<PointedEvaluate> Evaluate(EvaluateRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        RecordId record = fields.Record("record_id", wire.RecordId);
        AttemptId attempt = fields.Attempt(wire.AttemptId);
        ReadOnlyMemory<byte> point = fields.Point("blinded", wire.Blinded);
        return fields.Finish(() =>
            new PointedEvaluate(new EvaluateCall(record, attempt, SHA256.HashData(wire.Blinded.Span)), point));
    }

    internal static Parsed<SignedCall> Activate(ActivateRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        RecordId record = fields.Record("record_id", wire.RecordId);
        ReadOnlyMemory<byte> signature = fields.Exactly("signature", wire.Signature, OwnerSignature.Size);
        return fields.Finish(() => new SignedCall(record, signature));
    }

    internal static Parsed<ConfirmCall> Confirm(ConfirmRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        RecordId record = fields.Record("record_id", wire.RecordId);
        AttemptId attempt = fields.Attempt(wire.AttemptId);
        ReadOnlyMemory<byte> signature = fields.Exactly("signature", wire.Signature, OwnerSignature.Size);
        if (wire.Sequence == 0)
        {
            fields.Refuse("sequence", "at least 1");
        }

        return fields.Finish(() => new ConfirmCall(record, attempt, wire.Sequence, signature));
    }

    internal static Parsed<SignedCall> Retire(RetireRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        RecordId record = fields.Record("record_id", wire.RecordId);
        ReadOnlyMemory<byte> signature = fields.Exactly("signature", wire.Signature, OwnerSignature.Size);
        return fields.Finish(() => new SignedCall(record, signature));
    }

    internal static Parsed<DeleteCall> Delete(DeleteRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        RecordId record = fields.Record("record_id", wire.RecordId);
        ReadOnlyMemory<byte> signature = fields.Exactly("signature", wire.Signature, OwnerSignature.Size);
        if (wire.State is not (RecordState.Pending or RecordState.Active or RecordState.Superseded))
        {
            fields.Refuse("state", "PENDING, ACTIVE or SUPERSEDED");
        }

        return fields.Finish(() => new DeleteCall(record, wire.State, signature));
    }

    internal static Parsed<DescribeCall> Describe(DescribeRequest wire, FieldReader fields)
    {
        fields.Set(wire.SetId);
        return fields.Finish(() => new DescribeCall());
    }
}
