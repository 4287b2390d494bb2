using Custodian.Protocol.Wire;

namespace Custodian.Node.Storage;

/// <summary>What a store holds, counted.</summary>
/// <param name="SchemaVersion">The database's schema.</param>
/// <param name="Accounts">Accounts, those with nothing but tombstones included.</param>
/// <param name="Records">Live records by state.</param>
/// <param name="AuditEntries">Entries of the audit log.</param>
/// <param name="TamperedSeen">How often an account was refused as tampered since the store was opened.</param>
/// <param name="Refused">The accounts that the node refused as tampered since the database was made, the oldest first, at most 1000.</param>
/// <param name="StillRefused">How many of them do not authenticate now either.</param>
/// <param name="Restoration">The copy it goes on from; null when it never was one.</param>
/// <param name="LimitedRecords">Records that have one attempt at most because of that, until their next Confirm.</param>
/// <param name="DatabaseBytes">The size of the database, without its log.</param>
internal sealed record StoreStatus(
    int SchemaVersion,
    long Accounts,
    IReadOnlyDictionary<RecordState, long> Records,
    long AuditEntries,
    long TamperedSeen,
    IReadOnlyList<RefusedAccount> Refused,
    int StillRefused,
    Restoration? Restoration,
    long LimitedRecords,
    long DatabaseBytes);

/// <summary>An audit entry as it lies in the log.</summary>
/// <param name="Id">Its key; keys rise, and may have gaps.</param>
/// <param name="Bytes">The entry's bytes, verbatim.</param>
/// <param name="Entry">What they say; null when they are no entry.</param>
/// <param name="IsAuthentic">
/// Whether the node wrote it, right after the row before it: false for an entry that was edited, and for the one that follows a place
/// where entries were removed or added.
/// </param>
internal sealed record AuditRow(long Id, ReadOnlyMemory<byte> Bytes, AuditEntry? Entry, bool IsAuthentic);
