using System.Diagnostics.Metrics;

namespace Custodian.Node.Storage;

/// <summary>What a store counts (meter <c>Custodian.Node</c>). No tag ever names an account or a record.</summary>
internal sealed class StoreMetrics
{
    /// <summary>The node's one meter.</summary>
    internal const string MeterName = "Custodian.Node";

    private readonly Counter<long> _commits;
    private readonly Counter<long> _decisions;
    private readonly Counter<long> _tampered;
    private readonly Counter<long> _erasures;

    private long _commitCount;
    private long _tamperedCount;

    /// <param name="meters">Where the meter comes from.</param>
    internal StoreMetrics(IMeterFactory meters)
    {
        Meter meter = meters.Create(MeterName);
        _commits = meter.CreateCounter<long>("custodian.store.commits", "{commit}", "Transactions committed; each is one fsync of the log.");
        _decisions = meter.CreateCounter<long>("custodian.store.decisions", "{call}", "Calls decided, whether or not they wrote anything.");
        _tampered = meter.CreateCounter<long>("custodian.store.tampered", "{account}", "Accounts refused because a row did not authenticate.");
        _erasures = meter.CreateCounter<long>("custodian.store.erasures", "{checkpoint}", "Truncations of the write-ahead log after key material was destroyed.");
    }

    /// <summary>Transactions committed since the store was opened.</summary>
    internal long CommitCount => Interlocked.Read(ref _commitCount);

    /// <summary>Accounts refused as tampered since the store was opened, counted at every refusal.</summary>
    internal long TamperedCount => Interlocked.Read(ref _tamperedCount);

    internal void Decided(int calls, int commits)
    {
        Interlocked.Add(ref _commitCount, commits);
        _decisions.Add(calls);
        _commits.Add(commits);
    }

    internal void Tampered()
    {
        Interlocked.Increment(ref _tamperedCount);
        _tampered.Add(1);
    }

    internal void Erased() => _erasures.Add(1);
}
