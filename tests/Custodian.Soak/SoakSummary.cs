using System.Globalization;
using System.Text.Json;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Testing;

namespace Custodian.Soak;

/// <summary>What a soak came to.</summary>
/// <param name="Report">Every operation in bad weather.</param>
/// <param name="Kept">Every key asked for afterwards.</param>
/// <param name="Faults">How often each fault was brought about.</param>
/// <param name="Took">How long it all took.</param>
internal sealed record SoakSummary(
    TrafficReport Report, TrafficReport Kept, IReadOnlyDictionary<string, int> Faults, TimeSpan Took)
{
    private const int MostExamples = 20;

    /// <summary>What ten minutes must come to, of enrolments and of recoveries each, for their soundness to say anything.</summary>
    private const int LeastInTenMinutes = 1000;

    /// <summary>How many people had been promised a key.</summary>
    internal required int Promised { get; init; }

    /// <summary>How many enrolments, and how many recoveries, must have succeeded in bad weather.</summary>
    internal required int Least { get; init; }

    /// <summary>What the nodes logged of level warning or above.</summary>
    internal required IReadOnlyList<string> Complaints { get; init; }

    /// <summary>What <see cref="Least"/> is for a soak of some length.</summary>
    internal static int LeastIn(TimeSpan length) => (int)Math.Ceiling(LeastInTenMinutes * (length / TimeSpan.FromMinutes(10)));

    /// <summary>Nothing lost, nothing wrong, no exception that is not documented, every promised key came back, and enough was done to tell.</summary>
    internal bool IsSound => IsEnough && IsKept;

    private int Enrolled => Report.Count(TrafficOperation.Enrol, TrafficOutcome.Done);

    private int Recovered => Report.Count(TrafficOperation.Recover, TrafficOutcome.Done);

    private bool IsEnough => Enrolled >= Least && Recovered >= Least;

    private bool IsKept =>
        Report is { Lost: 0, Wrong: 0, Broken: 0 } && Kept is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 } && Kept.Done == Promised;

    internal void Write(TextWriter text)
    {
        text.WriteLine();
        text.WriteLine("| operation | done | refused | lost | wrong | broken | p50 ms | p99 ms |");
        text.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (TrafficOperation operation in Enum.GetValues<TrafficOperation>())
        {
            text.WriteLine(Line(operation, operation == TrafficOperation.Verify ? Kept : Report));
        }

        text.WriteLine();
        text.WriteLine($"faults     {string.Join(", ", Faults.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Value} {f.Key}"))}");
        text.WriteLine($"promised   {Promised} keys, {Kept.Done} came back afterwards");
        text.WriteLine($"done       {Enrolled} enrolments and {Recovered} recoveries in bad weather, of at least {Least} each");
        text.WriteLine($"time       {Took.TotalSeconds:0} s, seed {Effort.Seed}");
        WriteRefusals(text);
        WriteComplaints(text);
        WriteExamples(text);
        text.WriteLine(IsSound ? "sound: nothing was lost, nothing was wrong" : IsKept ? "NOT SOUND: too little was done to tell" : "NOT SOUND");
    }

    private static string Line(TrafficOperation operation, TrafficReport report)
    {
        int Count(TrafficOutcome outcome) => report.Count(operation, outcome);
        string Milliseconds(double share) =>
            report.Percentile(operation, share)?.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) ?? "";
        return $"| {operation} | {Count(TrafficOutcome.Done)} | {Count(TrafficOutcome.Refused)} | {Count(TrafficOutcome.Lost)} "
            + $"| {Count(TrafficOutcome.Wrong)} | {Count(TrafficOutcome.Broken)} | {Milliseconds(0.5)} | {Milliseconds(0.99)} |";
    }

    private void WriteRefusals(TextWriter text)
    {
        IEnumerable<TrafficResult> refused = Report.Results.Where(r => r.Outcome == TrafficOutcome.Refused);
        foreach (var kind in refused.GroupBy(r => (r.Operation, Type: r.Why?.Split(':')[0])).OrderByDescending(k => k.Count()))
        {
            text.WriteLine($"refused    {kind.Count()} x {kind.Key.Operation}: {kind.Key.Type}");
        }
    }

    private void WriteComplaints(TextWriter text)
    {
        foreach (IGrouping<string, string> kind in Complaints.GroupBy(KindOf).OrderByDescending(k => k.Count()))
        {
            text.WriteLine($"logged     {kind.Count()} x {kind.Key}");
        }
    }

    private void WriteExamples(TextWriter text)
    {
        TrafficOutcome[] bad = [TrafficOutcome.Lost, TrafficOutcome.Wrong, TrafficOutcome.Broken];
        IEnumerable<TrafficResult> examples = Report.Results.Where(r => bad.Contains(r.Outcome))
            .Concat(Kept.Results.Where(r => r.Outcome != TrafficOutcome.Done));
        foreach (TrafficResult result in examples.Take(MostExamples))
        {
            text.WriteLine($"           {result.Started.TotalSeconds:0.0} s {result.Subject} {result.Operation} {result.Outcome}: {result.Why}");
        }
    }

    /// <summary>Level, category and event of a log line: what two complaints of one kind share.</summary>
    private static string KindOf(string line)
    {
        try
        {
            JsonElement entry = JsonDocument.Parse(line).RootElement;
            return $"{entry.GetProperty("LogLevel")} {entry.GetProperty("Category")} event {entry.GetProperty("EventId")}";
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException)
        {
            return line.Length > 100 ? line[..100] : line;
        }
    }
}
