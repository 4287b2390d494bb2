using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>An Activate or a Retire, parsed: a record and a signature.</summary>
internal sealed record SignedCall(RecordId Record, ReadOnlyMemory<byte> Signature);

/// <summary>Activate (protocol.md section 11): the PENDING record becomes the account's record.</summary>
internal static class ActivateRule
{
    internal static Decision<StateAnswer> Decide(Account account, SignedCall call, AccountId accountId, NodeId node)
    {
        if (account.Find(call.Record) is not { } record)
        {
            return Decision<StateAnswer>.Refuse(Missing.Reason(account, call.Record));
        }

        byte[] body = SignatureBody.Activate(record.Header.Hash.Span);
        var place = new SignedPlace(node, accountId, record.Id);
        if (!place.IsSigned(SignaturePurpose.Activate, record.Header.OwnerPublicKey, body, call.Signature))
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.BadSignature);
        }

        return record.State switch
        {
            RecordState.Pending => Activate(account, record),
            RecordState.Active => Decision<StateAnswer>.Keep(new StateAnswer(record.State, record.AttemptsRemaining)),
            _ => Decision<StateAnswer>.Refuse(RefusalReason.WrongState),
        };
    }

    /// <summary>PENDING to ACTIVE, the former ACTIVE to SUPERSEDED.</summary>
    internal static (Account Next, StoredRecord Active) Promote(Account account, StoredRecord pending)
    {
        Account room = account.Active is { } former ? account.With(former with { State = RecordState.Superseded }) : account;
        StoredRecord active = pending with { State = RecordState.Active };
        return (room.With(active), active);
    }

    private static Decision<StateAnswer> Activate(Account account, StoredRecord pending)
    {
        (Account next, StoredRecord active) = Promote(account, pending);
        return Decision<StateAnswer>.Write(
            new StateAnswer(active.State, active.AttemptsRemaining), next, AuditEvent.Of(AuditKind.Activated, active));
    }
}
