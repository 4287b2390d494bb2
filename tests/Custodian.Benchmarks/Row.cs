using System.Globalization;
using System.Text.Json.Nodes;

namespace Custodian.Benchmarks;

/// <summary>A row of the table.</summary>
internal abstract record Row
{
    internal const string Head =
        """
        | row | ours | against | ours, median (10 % to 90 %) | against | ratio | reach | met |
        |---|---|---|---|---|---|---|---|
        """;

    /// <summary>What else there is to say: why it was not measured, or what was seen beside it.</summary>
    internal string? Note { get; set; }

    /// <summary>As Markdown.</summary>
    internal abstract string Text();

    /// <summary>For bench.json.</summary>
    internal abstract JsonObject ToJson();

    /// <summary>Three figures tell what such machines can.</summary>
    private protected static string Number(double value) => value.ToString(
        Math.Abs(value) switch { 0 => "0", >= 100 => "#,##0", >= 10 => "0.0", >= 0.1 => "0.00", _ => "0.0E-0" }, CultureInfo.InvariantCulture);

    private protected static string Spread(Sample sample) =>
        $"{Number(sample.Median)} ({Number(sample.Quantile(0.1))} to {Number(sample.Quantile(0.9))})";

    private protected static JsonObject? ToJson(Sample sample) => sample.IsEmpty ? null : new JsonObject
    {
        ["rounds"] = sample.Count,
        ["median"] = sample.Median,
        ["p10"] = sample.Quantile(0.1),
        ["p90"] = sample.Quantile(0.9),
        ["least"] = sample.Quantile(0),
        ["most"] = sample.Quantile(1),
    };

    /// <summary>Where the bound lies within the spread, this run does not tell.</summary>
    private protected static string Met(Sample sample, double most) =>
        sample.Quantile(0.9) <= most ? "yes" : sample.Quantile(0.1) > most ? "no" : "within the noise";
}
