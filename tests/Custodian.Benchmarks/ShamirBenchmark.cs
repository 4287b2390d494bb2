using System.Diagnostics;
using System.Globalization;
using Custodian.Client;

namespace Custodian.Benchmarks;

/// <summary>3-of-5 over a recovery key's 32 bytes, on one thread, random bytes included.</summary>
internal static class ShamirBenchmark
{
    private const int Rounds = 41;
    private const int Operations = 100_000;

    internal static int Run()
    {
        byte[] secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        byte[] indexes = [1, 2, 3, 4, 5];
        byte[] chosen = [2, 3, 5];
        byte[] shares = new byte[indexes.Length * secret.Length];
        byte[] combined = new byte[secret.Length];
        byte[] picked = new byte[chosen.Length * secret.Length];
        byte[] extrapolated = new byte[secret.Length];
        Shamir.Split(secret, chosen.Length, indexes, shares);
        chosen.Index().ToList().ForEach(at => shares.AsSpan((at.Item - 1) * 32, 32).CopyTo(picked.AsSpan(at.Index * 32)));

        var split = new Sample("split, 3 of 5, with random coefficients");
        var combine = new Sample("combine, 3 shares");
        var extrapolate = new Sample("extrapolate, 3 shares to a fourth");
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < Rounds; round++)
        {
            Measure(split, () => Shamir.Split(secret, chosen.Length, indexes, shares));
            Measure(combine, () => Shamir.Combine(chosen, picked, combined));
            Measure(extrapolate, () => Shamir.Extrapolate(chosen, picked, 1, extrapolated));
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Sample.Print("ns for 32 bytes, one thread", split, combine, extrapolate);
        Console.WriteLine();
        foreach (Sample sample in (Sample[])[split, combine, extrapolate])
        {
            Console.WriteLine($"{sample.Name}: {(1e9 / sample.Median).ToString("#,##0", CultureInfo.InvariantCulture)} a second");
        }

        Console.WriteLine($"allocated by the benchmark itself, {3 * Rounds * (long)Operations:#,##0} operations: {allocated:#,##0} bytes");
        return combined.AsSpan().SequenceEqual(secret) ? 0 : 1;
    }

    private static void Measure(Sample sample, Action operation)
    {
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < Operations; i++)
        {
            operation();
        }

        sample.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds / Operations);
    }
}
