using System.Collections.Immutable;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>
/// Everything a node knows of one account, as loaded inside the transaction that may change it (protocol.md section 11). Immutable: a rule
/// answers with the account as it shall be, and the store writes the difference.
/// </summary>
internal sealed record Account
{
    /// <summary>How many tombstones an account keeps.</summary>
    internal const int TombstonesKept = Limits.TombstonesKept;

    /// <summary>An account the node has never stored anything for.</summary>
    internal static Account Empty { get; } = new();

    /// <summary>The live records: at most one PENDING and one ACTIVE, any number SUPERSEDED.</summary>
    internal ImmutableArray<StoredRecord> Records { get; init; } = [];

    /// <summary>What is left of destroyed records, oldest first, at most <see cref="TombstonesKept"/>.</summary>
    internal ImmutableArray<Tombstone> Tombstones { get; init; } = [];

    /// <summary>The highest generation ever stored; never goes back.</summary>
    internal ulong HighestGeneration { get; init; }

    /// <summary>
    /// The highest generation whose tombstone has been dropped. A record at or below it is refused as stale: its record_id might be one
    /// that the node has stored before and no longer knows by name.
    /// </summary>
    internal ulong ForgottenGeneration { get; init; }

    internal StoredRecord? Pending => InState(RecordState.Pending);

    internal StoredRecord? Active => InState(RecordState.Active);

    internal StoredRecord? Find(RecordId id) => Records.FirstOrDefault(r => r.Id == id);

    internal Tombstone? FindTombstone(RecordId id) => Tombstones.FirstOrDefault(t => t.Id == id);

    /// <summary>The same account with one record put in the place of its former self.</summary>
    internal Account With(StoredRecord changed) =>
        this with { Records = [.. Records.Select(r => r.Id == changed.Id ? changed : r)] };

    /// <summary>The same account with one record more.</summary>
    internal Account Add(StoredRecord record) => this with
    {
        Records = Records.Add(record),
        HighestGeneration = Math.Max(HighestGeneration, record.Header.Generation),
    };

    /// <summary>The same account with one record turned into a tombstone.</summary>
    internal Account Destroy(StoredRecord record, DestroyReason reason)
    {
        var buried = Tombstones.Add(new Tombstone(record.Id, record.Header.Generation, reason));
        Account next = this with { Records = Records.Remove(record), Tombstones = buried };
        return buried.Length <= TombstonesKept ? next : next.ForgetLowestTombstone();
    }

    /// <summary>
    /// Drops the tombstone of the lowest generation, so that a client that goes above every generation it is shown is above every
    /// forgotten one too.
    /// </summary>
    private Account ForgetLowestTombstone()
    {
        Tombstone lowest = Tombstones.MinBy(t => t.Generation)!;
        return this with
        {
            Tombstones = Tombstones.Remove(lowest),
            ForgottenGeneration = Math.Max(ForgottenGeneration, lowest.Generation),
        };
    }

    private StoredRecord? InState(RecordState state) => Records.FirstOrDefault(r => r.State == state);
}
