using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>
/// Puts the sealed part of a record, brought under a newer key by the HSM, in the place of the one that it was made from. Whatever else
/// happened to the record meanwhile stays as it is.
/// </summary>
internal static class ResealRule
{
    /// <summary>Exchanges the part if the record still lives and still has the old one; otherwise there is nothing to do.</summary>
    /// <param name="account">The account now.</param>
    /// <param name="id">The record.</param>
    /// <param name="old">The part that was sealed anew.</param>
    /// <param name="resealed">The same under the newer key.</param>
    internal static Decision<StateAnswer> Decide(Account account, RecordId id, ReadOnlyMemory<byte> old, ReadOnlyMemory<byte> resealed)
    {
        if (account.Find(id) is not { } record || !record.SealedPart.Span.SequenceEqual(old.Span))
        {
            return Decision<StateAnswer>.Keep(new StateAnswer(RecordState.Destroyed, 0));
        }

        StoredRecord next = record with { SealedPart = resealed };
        return Decision<StateAnswer>.Write(
            new StateAnswer(next.State, next.AttemptsRemaining), account.With(next), AuditEvent.Of(AuditKind.Resealed, next));
    }
}
