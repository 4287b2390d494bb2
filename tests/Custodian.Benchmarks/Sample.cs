using System.Globalization;

namespace Custodian.Benchmarks;

/// <summary>Repeated measurements of one thing.</summary>
internal sealed class Sample(string name)
{
    private readonly List<double> _values = [];

    /// <summary>What was measured.</summary>
    internal string Name { get; } = name;

    /// <summary>The middle value; half of the runs took longer.</summary>
    internal double Median => Quantile(0.5);

    /// <summary>Adds one measurement.</summary>
    internal void Add(double value) => _values.Add(value);

    /// <summary>The value below which the given part of the measurements lies.</summary>
    internal double Quantile(double part)
    {
        double[] sorted = [.. _values.Order()];
        return sorted[(int)Math.Round(part * (sorted.Length - 1))];
    }

    /// <summary>A Markdown table of samples in one unit, each with its ratio to the first one's median.</summary>
    internal static void Print(string unit, params IReadOnlyList<Sample> samples)
    {
        Console.WriteLine($"| {unit} | runs | median | 10 % | 90 % | least | most | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (Sample sample in samples)
        {
            double[] figures = [sample.Median, sample.Quantile(0.1), sample.Quantile(0.9), sample.Quantile(0), sample.Quantile(1)];
            string columns = string.Join(" | ", figures.Select(Format));
            double ratio = sample.Median / samples[0].Median;
            Console.WriteLine($"| {sample.Name} | {sample._values.Count} | {columns} | {ratio.ToString("0.00", CultureInfo.InvariantCulture)} |");
        }
    }

    private static string Format(double value) =>
        value.ToString(Math.Abs(value) < 1000 ? "0.0" : "#,##0", CultureInfo.InvariantCulture);
}
