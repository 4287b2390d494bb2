namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What a subject did.</summary>
internal enum TrafficOperation
{
    Enrol,
    Recover,
    Check,
    ChangeSecret,
    Verify,
}

/// <summary>What became of it.</summary>
internal enum TrafficOutcome
{
    /// <summary>It succeeded, and what it gave was right.</summary>
    Done,

    /// <summary>It failed in a way that promises nothing and breaks nothing: too few nodes, a node refused, no attempt free now.</summary>
    Refused,

    /// <summary>A promised key does not come back: no record, or none of the secrets that may be in effect is taken.</summary>
    Lost,

    /// <summary>A key came back, and it is not the one that was promised.</summary>
    Wrong,

    /// <summary>The client failed in a way that it does not document.</summary>
    Broken,
}

/// <summary>One operation of one subject.</summary>
/// <param name="Subject">Whose.</param>
/// <param name="Operation">What it was.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Why">The exception's type and message; null when it succeeded.</param>
/// <param name="Started">When it began, from the start of the traffic.</param>
/// <param name="Took">How long the caller waited.</param>
internal sealed record TrafficResult(
    string Subject, TrafficOperation Operation, TrafficOutcome Outcome, string? Why, TimeSpan Started, TimeSpan Took);

/// <summary>What a traffic did in sum.</summary>
internal sealed record TrafficReport(IReadOnlyList<TrafficResult> Results)
{
    internal int Lost => Of(TrafficOutcome.Lost);

    internal int Wrong => Of(TrafficOutcome.Wrong);

    internal int Refused => Of(TrafficOutcome.Refused);

    internal int Done => Of(TrafficOutcome.Done);

    internal int Broken => Of(TrafficOutcome.Broken);

    /// <summary>How many operations of a kind ended so.</summary>
    internal int Count(TrafficOperation operation, TrafficOutcome outcome) =>
        Results.Count(r => r.Operation == operation && r.Outcome == outcome);

    /// <summary>The caller's waiting time that a share of the successful operations of a kind stayed within; null when there was none.</summary>
    internal TimeSpan? Percentile(TrafficOperation operation, double share)
    {
        TimeSpan[] times = [.. Results.Where(r => r.Operation == operation && r.Outcome == TrafficOutcome.Done).Select(r => r.Took).Order()];
        return times.Length == 0 ? null : times[Math.Min(times.Length - 1, (int)(share * times.Length))];
    }

    /// <summary>A line per kind and outcome, then one for each result that was not a success.</summary>
    public override string ToString() => string.Join('\n',
    [
        .. Results.GroupBy(r => (r.Operation, r.Outcome)).OrderBy(g => g.Key).Select(g => $"{g.Key.Operation} {g.Key.Outcome}: {g.Count()}"),
        .. Results.Where(r => r.Outcome != TrafficOutcome.Done)
            .Select(r => $"  {r.Started.TotalSeconds:0.0} s {r.Subject} {r.Operation} {r.Outcome} after {r.Took.TotalSeconds:0.00} s: {r.Why}"),
    ]);

    private int Of(TrafficOutcome outcome) => Results.Count(r => r.Outcome == outcome);
}
