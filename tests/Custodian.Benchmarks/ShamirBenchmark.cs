using System.Diagnostics;
using System.Globalization;
using Custodian.Client;

namespace Custodian.Benchmarks;

/// <summary>3-of-5 over a recovery key's 32 bytes, on one thread, random bytes included, in turn with libgfshare and the ssss commands.</summary>
internal static class ShamirBenchmark
{
    private const int Rounds = 21;
    private const int Operations = 500_000;
    private const string Gfshare = "libgfshare, its random bytes by getrandom";
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] Indexes = [1, 2, 3, 4, 5];
    private static readonly byte[] Chosen = [2, 3, 5];

    /// <param name="gfshare">The program of peers/gfshare.c; null where it could not be built.</param>
    internal static IEnumerable<Row> Run(string? gfshare)
    {
        byte[] shares = new byte[Indexes.Length * Secret.Length];
        byte[] picked = new byte[Chosen.Length * Secret.Length];
        byte[] combined = new byte[Secret.Length];
        Shamir.Split(Secret, Chosen.Length, Indexes, shares);
        Chosen.Index().ToList().ForEach(at => shares.AsSpan((at.Item - 1) * 32, 32).CopyTo(picked.AsSpan(at.Index * 32)));
        void Split() => Shamir.Split(Secret, Chosen.Length, Indexes, shares);
        void Combine() => Shamir.Combine(Chosen, picked, combined);

        var split = new Comparison("split", "ns", "3 of 5, 32 bytes", Gfshare, Reach: 1);
        var combine = new Comparison("combine", "ns", "3 shares of 32 bytes", Gfshare, Reach: 1);
        var splitProcess = new Comparison("split, command", "ns", "3 of 5, 32 bytes", "`ssss-split`, a process", Reach: 1);
        var combineProcess = new Comparison("combine, command", "ns", "3 shares of 32 bytes", "`ssss-combine`, a process", Reach: 1);
        Measure(Split);
        Measure(Combine);
        long splitAllocated = 0, combineAllocated = 0;
        for (int round = 0; round < Rounds; round++)
        {
            (double Nanoseconds, long Allocated) ours = Measure(Split), back = Measure(Combine);
            splitAllocated += ours.Allocated;
            combineAllocated += back.Allocated;
            if (gfshare is not null && Machine.Say(gfshare, $"{Operations}") is { } told)
            {
                double[] peer = [.. told.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))];
                split.Add(ours.Nanoseconds, peer[0]);
                combine.Add(back.Nanoseconds, peer[1]);
            }

            if (Ssss(out double splitting, out double combining))
            {
                splitProcess.Add(ours.Nanoseconds, splitting);
                combineProcess.Add(back.Nanoseconds, combining);
            }
        }

        split.Note = split.IsSkipped ? "libgfshare is missing" : Allocation(splitAllocated);
        combine.Note = combine.IsSkipped ? "libgfshare is missing" : Allocation(combineAllocated);
        (split.Miss, combine.Miss) = (MissOf(splitAllocated), MissOf(combineAllocated));
        splitProcess.Note = combineProcess.Note = splitProcess.IsSkipped ? "the ssss commands are missing" : null;
        return combined.AsSpan().SequenceEqual(Secret)
            ? [split, combine, splitProcess, combineProcess]
            : throw new InvalidOperationException("the shares give something else");
    }

    private static string? MissOf(long allocated) => allocated == 0 ? null : "it allocates";

    private static string Allocation(long bytes) => FormattableString.Invariant($"{bytes} bytes allocated by {(long)Rounds * Operations} operations");

    private static (double Nanoseconds, long Allocated) Measure(Action operation)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < Operations; i++)
        {
            operation();
        }

        TimeSpan took = Stopwatch.GetElapsedTime(started);
        return (took.TotalNanoseconds / Operations, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static bool Ssss(out double splitting, out double combining)
    {
        string hex = Convert.ToHexStringLower(Secret);
        long started = Stopwatch.GetTimestamp();
        string? shares = Machine.Answer("ssss-split", hex, "-t", "3", "-n", "5", "-x", "-q", "-Q");
        splitting = Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        if (shares is null)
        {
            combining = 0;
            return false;
        }

        string three = string.Concat(shares.Split('\n').Take(3).Select(l => l + "\n"));
        started = Stopwatch.GetTimestamp();
        string? secret = Machine.Answer("ssss-combine", three, "-t", "3", "-x", "-q", "-Q");
        combining = Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        return secret is not null && !secret.Contains(hex, StringComparison.OrdinalIgnoreCase)
            ? throw new InvalidOperationException("ssss gives another secret back")
            : secret is not null;
    }
}
