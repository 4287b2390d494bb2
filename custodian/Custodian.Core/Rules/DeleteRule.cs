using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>A Delete, parsed.</summary>
/// <param name="Record">The record.</param>
/// <param name="Believed">The state the client believes it is in; part of what it signed.</param>
/// <param name="Signature">64 bytes, r || s.</param>
internal sealed record DeleteCall(RecordId Record, RecordState Believed, ReadOnlyMemory<byte> Signature);

/// <summary>Delete (protocol.md section 11), and the operator's way to destroy an account.</summary>
internal static class DeleteRule
{
    private static readonly StateAnswer Gone = new(RecordState.Destroyed, 0);

    /// <summary>Destroys the record; the ACTIVE one with every record of the account.</summary>
    internal static Decision<StateAnswer> Decide(Account account, DeleteCall call, AccountId accountId, NodeId node)
    {
        if (account.FindTombstone(call.Record) is not null)
        {
            return Decision<StateAnswer>.Keep(Gone);
        }

        if (account.Find(call.Record) is not { } record)
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.RecordNotFound);
        }

        byte[] body = SignatureBody.Delete(call.Believed, record.Header.Hash.Span);
        var place = new SignedPlace(node, accountId, record.Id);
        if (!place.IsSigned(SignaturePurpose.Delete, record.Header.OwnerPublicKey, body, call.Signature))
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.BadSignature);
        }

        if (record.State != call.Believed)
        {
            // A Delete signed for PENDING that arrives when the record is ACTIVE must not take the account's record with it.
            return Decision<StateAnswer>.Refuse(RefusalReason.WrongState);
        }

        Account next = record.State == RecordState.Active
            ? DestroyAll(account, DestroyReason.Deleted)
            : account.Destroy(record, DestroyReason.Deleted);
        return Decision<StateAnswer>.Write(Gone, next, AuditEvent.Of(AuditKind.Deleted, record));
    }

    /// <summary>Destroys every record of the account on the operator's word.</summary>
    internal static Decision<StateAnswer> DecideForOperator(Account account)
    {
        if (account.Records.IsEmpty)
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.RecordNotFound);
        }

        StoredRecord newest = account.Records.MaxBy(r => r.Header.Generation)!;
        return Decision<StateAnswer>.Write(
            Gone, DestroyAll(account, DestroyReason.DestroyedByOperator), AuditEvent.Of(AuditKind.DestroyedByOperator, newest));
    }

    private static Account DestroyAll(Account account, DestroyReason reason) =>
        account.Records.OrderBy(r => r.Header.Generation).Aggregate(account, (next, record) => next.Destroy(record, reason));
}
