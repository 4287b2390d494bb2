using System.Globalization;
using Custodian.Core;

namespace Custodian.Node.Commands;

/// <summary>One account as an operator may see it.</summary>
internal sealed record AccountView(IReadOnlyList<RecordView> Records, IReadOnlyList<TombstoneView> Tombstones)
{
    internal static AccountView Of(Account account, AttemptPolicy policy, long nowMs) => new(
        [.. account.Records.OrderBy(r => r.Header.Generation).Select(r => RecordView.Of(r, policy, nowMs))],
        [.. account.Tombstones.Select(t => new TombstoneView(t.Id.ToString(), t.Generation, t.Reason.ToString()))]);

    internal void WriteTo(TextWriter text)
    {
        foreach (RecordView record in Records)
        {
            text.WriteLine($"{record.State,-10}  {record.RecordId}  generation {record.Generation}, stored {record.Stored}");
            text.WriteLine($"            {record.Threshold} of {record.Participants} nodes, attempts used {record.AttemptsUsed}, left {record.AttemptsRemaining}, next in {record.NextAttemptInSeconds} s");
        }

        foreach (TombstoneView tombstone in Tombstones)
        {
            text.WriteLine($"destroyed   {tombstone.RecordId}  generation {tombstone.Generation}, {tombstone.Reason}");
        }
    }
}

/// <summary>One live record.</summary>
internal sealed record RecordView(
    string RecordId, string State, ulong Generation, string Stored, int Threshold, int Participants,
    uint AttemptsUsed, uint AttemptsRemaining, long NextAttemptInSeconds)
{
    internal static RecordView Of(StoredRecord record, AttemptPolicy policy, long nowMs) => new(
        record.Id.ToString(),
        record.State.ToString().ToUpperInvariant(),
        record.Header.Generation,
        DateTimeOffset.FromUnixTimeMilliseconds(record.StoredMs).ToString("u", CultureInfo.InvariantCulture),
        record.Header.Threshold,
        record.Header.Participants.Length,
        record.AttemptsUsed,
        record.AttemptsRemaining,
        (long)Math.Ceiling(policy.WaitFor(record, nowMs).TotalSeconds));
}

/// <summary>What is left of a destroyed record.</summary>
internal sealed record TombstoneView(string RecordId, ulong Generation, string Reason);
