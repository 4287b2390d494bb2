using System.Globalization;
using System.Text.Json.Nodes;

namespace Custodian.Benchmarks;

/// <summary>Two things measured in turn, round by round, in one unit of which less is better: the machine's weather falls on both.</summary>
/// <param name="Name">What it is called in the table and in bench.json.</param>
/// <param name="Unit">Of both.</param>
/// <param name="Ours">What is measured here.</param>
/// <param name="Against">What it is held against.</param>
/// <param name="Reach">The ratio, ours to the other, that is to be reached.</param>
internal sealed record Comparison(string Name, string Unit, string Ours, string Against, double Reach)
{
    internal const string Head =
        """
        | row | ours | against | ours, median (10 % to 90 %) | against | ratio | reach | met |
        |---|---|---|---|---|---|---|---|
        """;

    private readonly Sample _ours = new("ours");
    private readonly Sample _against = new("against");
    private readonly Sample _ratios = new("ratio");

    /// <summary>What else there is to say: why it was not measured, or what was seen beside it.</summary>
    internal string? Note { get; set; }

    /// <summary>What misses the reach whatever the ratio is; null for nothing.</summary>
    internal string? Miss { get; set; }

    internal bool IsSkipped => _ratios.IsEmpty;

    /// <summary>Adds a round.</summary>
    internal void Add(double ours, double against)
    {
        _ours.Add(ours);
        _against.Add(against);
        _ratios.Add(ours / against);
    }

    internal string Row() => IsSkipped
        ? $"| {Name} | {Ours} | {Against} | | | | {Number(Reach)} | skipped: {Note} |"
        : $"| {Name} | {Ours} | {Against} | {Spread(_ours)} {Unit} | {Spread(_against)} {Unit} | {Spread(_ratios)} | {Number(Reach)} | {Met()}{Also()} |";

    internal JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["unit"] = Unit,
        ["ours"] = Ours,
        ["against"] = Against,
        ["reach"] = Reach,
        ["ours_measured"] = ToJson(_ours),
        ["against_measured"] = ToJson(_against),
        ["ratio"] = ToJson(_ratios),
        ["met"] = IsSkipped ? null : Met(),
        ["note"] = Note,
    };

    /// <summary>Where the reach lies within the spread, this run does not tell.</summary>
    private string Met() =>
        Miss is not null ? $"no: {Miss}"
        : _ratios.Quantile(0.9) <= Reach ? "yes"
        : _ratios.Quantile(0.1) > Reach ? "no"
        : "within the noise";

    private string Also() => Note is null ? "" : $"; {Note}";

    private static string Spread(Sample sample) => $"{Number(sample.Median)} ({Number(sample.Quantile(0.1))} to {Number(sample.Quantile(0.9))})";

    // Three figures tell what such machines can.
    private static string Number(double value) => value.ToString(
        value switch { >= 100 => "#,##0", >= 10 => "0.0", >= 0.1 => "0.00", _ => "0.0E-0" }, CultureInfo.InvariantCulture);

    private static JsonObject? ToJson(Sample sample) => sample.IsEmpty ? null : new JsonObject
    {
        ["rounds"] = sample.Count,
        ["median"] = sample.Median,
        ["p10"] = sample.Quantile(0.1),
        ["p90"] = sample.Quantile(0.9),
        ["least"] = sample.Quantile(0),
        ["most"] = sample.Quantile(1),
    };
}
