using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>The user still knows the secret.</summary>
public sealed record CheckResult
{
    /// <summary>What the record's header says.</summary>
    public required RecordSummary Record { get; init; }

    /// <summary>Whether the secret was that of an older record: a change of the secret was interrupted, and should be made again.</summary>
    public required bool IsOlderRecord { get; init; }

    /// <summary>See <see cref="SettlementReport.ForeignAttempts"/>.</summary>
    public required IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; init; }

    /// <summary>What happened after: every node that could be reached has given the attempts back.</summary>
    public required SettlementReport Settlement { get; init; }
}
