using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>
/// What a node does to every account when its database was restored from a copy (protocol.md section 11): the attempts charged since the
/// copy was made are forgotten, so that each record keeps at most one until its next Confirm.
/// </summary>
internal static class RestoreRule
{
    /// <summary>
    /// How far sequences leap: beyond any that was given since the copy was made, so that none is ever given twice.
    /// </summary>
    internal const ulong SequenceLeap = 1UL << 32;

    /// <summary>Leaves every live record at most one attempt. May be applied again: no record gets more for it.</summary>
    internal static Decision<StateAnswer> Decide(Account account)
    {
        if (account.Records.IsEmpty)
        {
            return Decision<StateAnswer>.Keep(new StateAnswer(RecordState.Destroyed, 0));
        }

        Account next = account with { Records = [.. account.Records.Select(Restrain)] };
        StoredRecord newest = next.Records.MaxBy(r => r.Header.Generation)!;
        return Decision<StateAnswer>.Write(
            new StateAnswer(newest.State, newest.AttemptsRemaining), next, AuditEvent.Of(AuditKind.Restored, newest));
    }

    /// <summary>
    /// Buries what is live in a restored account and destroyed in another state of it that the node still knows, and takes over its
    /// tombstones and generations. No record becomes live by it, and none that the other state shows as live is touched.
    /// </summary>
    internal static Decision<StateAnswer> Bury(Account restored, Account known)
    {
        Tombstone[] all = [.. restored.Tombstones.Concat(known.Tombstones).DistinctBy(t => t.Id).OrderBy(t => t.Generation)];
        Account next = restored with
        {
            HighestGeneration = Math.Max(restored.HighestGeneration, known.HighestGeneration),
            ForgottenGeneration = all.SkipLast(Account.TombstonesKept).Select(t => t.Generation)
                .Aggregate(Math.Max(restored.ForgottenGeneration, known.ForgottenGeneration), Math.Max),
            Tombstones = [.. all.TakeLast(Account.TombstonesKept)],
            Records = [.. restored.Records.Where(r => !IsDestroyed(r, known))],
        };
        bool isSame = next.Records.Length == restored.Records.Length
            && next.Tombstones.SequenceEqual(restored.Tombstones)
            && (next.HighestGeneration, next.ForgottenGeneration) == (restored.HighestGeneration, restored.ForgottenGeneration);
        var answer = new StateAnswer(RecordState.Destroyed, 0);
        return isSame
            ? Decision<StateAnswer>.Keep(answer)
            : Decision<StateAnswer>.Write(answer, next, new AuditEvent(AuditKind.Restored, default, next.HighestGeneration, null, 0));
    }

    /// <summary>By name, or, where its tombstone is forgotten, by a generation at or below that with no such record left.</summary>
    private static bool IsDestroyed(StoredRecord record, Account known) =>
        known.FindTombstone(record.Id) is not null
        || (record.Header.Generation <= known.ForgottenGeneration && known.Find(record.Id) is null);

    private static StoredRecord Restrain(StoredRecord record)
    {
        ulong first = record.LastSequence + SequenceLeap;
        int forgotten = Math.Max(record.Header.MaxAttempts - 1 - record.Charges.Length, 0);
        return record with
        {
            Charges = [.. record.Charges, .. Enumerable.Range(0, forgotten).Select(i => Forgotten(record.Id, first + (ulong)i))],
            LastSequence = first + (ulong)forgotten,
        };
    }

    /// <summary>
    /// A charge in the place of one that may have been forgotten. No point has its digest and nobody was told its name, so that it is
    /// never answered; it counts as tried twice, so that it is never taken back; and it is too old to delay the attempt that is left.
    /// </summary>
    private static Charge Forgotten(RecordId record, ulong sequence)
    {
        byte[] name = new LengthPrefixed("custodian/v1 forgotten").Lp(record.ToArray()).U64(sequence).Sha256();
        return new Charge(AttemptId.Read(name.AsSpan(0, AttemptId.Size)), new byte[32], ChargedMs: 0, sequence, Evaluations: 2);
    }
}
