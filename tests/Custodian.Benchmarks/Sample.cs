namespace Custodian.Benchmarks;

/// <summary>Repeated measurements of one thing.</summary>
internal sealed class Sample
{
    private readonly List<double> _values = [];

    /// <summary>The middle value; half of the runs took longer.</summary>
    internal double Median => Quantile(0.5);

    internal int Count => _values.Count;

    internal bool IsEmpty => _values.Count == 0;

    /// <summary>Adds one measurement.</summary>
    internal void Add(double value) => _values.Add(value);

    /// <summary>The value below which the given part of the measurements lies.</summary>
    internal double Quantile(double part)
    {
        double[] sorted = [.. _values.Order()];
        return sorted[(int)Math.Round(part * (sorted.Length - 1))];
    }
}
