using Custodian.Core;

namespace Custodian.Node.Storage;

/// <summary>The columns of an account row that its MAC covers, in their stored form.</summary>
internal readonly record struct AccountColumns(
    byte[] Row, ulong HighestGeneration, ulong ForgottenGeneration, byte[] Tombstones, byte[] NewestAudit)
{
    internal static AccountColumns Of(byte[] row, Account account, byte[] newestAudit) => new(
        row, account.HighestGeneration, account.ForgottenGeneration, ListColumns.Encode(account.Tombstones), newestAudit);
}

/// <summary>The columns of a record row, and its sealed part, in their stored form.</summary>
internal readonly record struct RecordColumns(
    byte[] RecordId,
    byte State,
    byte[] Charges,
    ulong LastSequence,
    byte[] ConfirmedAttempt,
    ulong ConfirmedSequence,
    long StoredMs,
    byte[] SealedPart,
    byte[] BodyTag)
{
    internal static RecordColumns Of(StoredRecord record, byte[] bodyTag) => new(
        record.Id.ToArray(),
        (byte)record.State,
        ListColumns.Encode(record.Charges),
        record.LastSequence,
        record.ConfirmedAttempt?.ToArray() ?? [],
        record.ConfirmedSequence,
        record.StoredMs,
        record.SealedPart.ToArray(),
        bodyTag);
}

/// <summary>A record as it was loaded or written: its keys in the tables, its MAC, and what it holds.</summary>
internal sealed record LoadedRecord(long Id, long Slot, byte[] BodyTag, byte[] Mac, StoredRecord Record);

/// <summary>
/// An account as it was loaded. <c>Id</c> is 0 for one that has no row yet; <c>NewestEntry</c> is the key of its newest audit entry, 0 when
/// it has none; the records are in the order of their keys.
/// </summary>
internal sealed record LoadedAccount(long Id, byte[] Row, long NewestEntry, Account Account, IReadOnlyList<LoadedRecord> Records);
