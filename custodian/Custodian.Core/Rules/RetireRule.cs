using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>Retire (protocol.md section 11): a SUPERSEDED record is destroyed under the ACTIVE record's owner key.</summary>
internal static class RetireRule
{
    private static readonly StateAnswer Gone = new(RecordState.Destroyed, 0);

    internal static Decision<StateAnswer> Decide(Account account, SignedCall call, AccountId accountId, NodeId node)
    {
        if (account.FindTombstone(call.Record) is not null)
        {
            return Decision<StateAnswer>.Keep(Gone);
        }

        if (account.Find(call.Record) is not { } record)
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.RecordNotFound);
        }

        if (record.State != RecordState.Superseded || account.Active is not { } active)
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.WrongState);
        }

        byte[] body = SignatureBody.Retire(record.Header.Hash.Span);
        var place = new SignedPlace(node, accountId, record.Id);
        return place.IsSigned(SignaturePurpose.Retire, active.Header.OwnerPublicKey, body, call.Signature)
            ? Decision<StateAnswer>.Write(
                Gone, account.Destroy(record, DestroyReason.Retired), AuditEvent.Of(AuditKind.Retired, record))
            : Decision<StateAnswer>.Refuse(RefusalReason.BadSignature);
    }
}
