using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>A Confirm, parsed.</summary>
internal sealed record ConfirmCall(RecordId Record, AttemptId Attempt, ulong Sequence, ReadOnlyMemory<byte> Signature);

/// <summary>Confirm (protocol.md section 11): whoever reconstructed the recovery key sets the attempts to zero.</summary>
internal static class ConfirmRule
{
    internal static Decision<StateAnswer> Decide(Account account, ConfirmCall call, AccountId accountId, NodeId node)
    {
        if (account.Find(call.Record) is not { } record)
        {
            return Decision<StateAnswer>.Refuse(Missing.Reason(account, call.Record));
        }

        if (!IsSigned(record, call, accountId, node))
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.BadSignature);
        }

        if (record.FindCharge(call.Attempt) is { } charge && charge.Sequence == call.Sequence && call.Sequence > record.ConfirmedSequence)
        {
            return Settle(account, record, call);
        }

        bool repeated = record.ConfirmedAttempt == call.Attempt && record.ConfirmedSequence == call.Sequence && record.Charges.IsEmpty;
        return repeated
            ? Decision<StateAnswer>.Keep(new StateAnswer(record.State, record.AttemptsRemaining))
            : Decision<StateAnswer>.Refuse(RefusalReason.AttemptUnknown);
    }

    private static Decision<StateAnswer> Settle(Account account, StoredRecord record, ConfirmCall call)
    {
        StoredRecord settled = record with { Charges = [], ConfirmedAttempt = call.Attempt, ConfirmedSequence = call.Sequence };
        Account next = account.With(settled);
        if (settled.State == RecordState.Pending)
        {
            (next, settled) = ActivateRule.Promote(next, settled);
        }

        return Decision<StateAnswer>.Write(
            new StateAnswer(settled.State, settled.AttemptsRemaining), next, AuditEvent.Of(AuditKind.Confirmed, settled, call.Attempt));
    }

    private static bool IsSigned(StoredRecord record, ConfirmCall call, AccountId account, NodeId node)
    {
        byte[] body = SignatureBody.Confirm(call.Attempt, call.Sequence);
        var place = new SignedPlace(node, account, record.Id);
        return place.IsSigned(SignaturePurpose.Confirm, record.Header.ConfirmPublicKey, body, call.Signature);
    }
}
