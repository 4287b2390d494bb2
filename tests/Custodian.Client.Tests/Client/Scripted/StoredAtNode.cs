using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>A record as a scripted node keeps it.</summary>
internal sealed class StoredAtNode
{
    internal required Header Header { get; init; }

    internal required byte[] Key { get; init; }

    internal required Wire.DepositRequest Deposit { get; init; }

    internal required DateTimeOffset Stored { get; init; }

    internal Wire.RecordState State { get; set; } = Wire.RecordState.Pending;

    internal List<ChargeAtNode> Charges { get; } = [];

    internal ulong LastSequence { get; set; }

    internal ulong ConfirmedSequence { get; set; }

    internal AttemptId? ConfirmedAttempt { get; set; }

    internal uint Used => (uint)Charges.Count;

    internal uint Remaining => (uint)Math.Max(0, Header.MaxAttempts - Charges.Count);
}

/// <summary>An attempt that a scripted node has charged.</summary>
internal sealed record ChargeAtNode(AttemptId Attempt, byte[] Blinded, ulong Sequence);

/// <summary>One user's records at a scripted node.</summary>
internal sealed class AccountAtNode
{
    internal List<StoredAtNode> Records { get; } = [];

    internal List<(RecordId Record, ulong Generation)> Tombstones { get; } = [];

    internal StoredAtNode? Find(RecordId id) => Records.FirstOrDefault(r => r.Header.RecordId == id);

    internal StoredAtNode? In(Wire.RecordState state) => Records.FirstOrDefault(r => r.State == state);

    internal void Destroy(StoredAtNode record)
    {
        Records.Remove(record);
        Tombstones.Add((record.Header.RecordId, record.Header.Generation));
    }
}
