using System.Text.Json.Nodes;

namespace Custodian.Benchmarks;

/// <summary>Two things measured in turn, round by round, in one unit of which less is better: the machine's weather falls on both.</summary>
/// <param name="Name">What it is called in the table and in bench.json.</param>
/// <param name="Unit">Of both.</param>
/// <param name="Ours">What is measured here.</param>
/// <param name="Against">What it is held against.</param>
/// <param name="Reach">The ratio, ours to the other, that is to be reached; null for none.</param>
internal sealed record Comparison(string Name, string Unit, string Ours, string Against, double? Reach = null) : Row
{
    private readonly Sample _ours = new();
    private readonly Sample _against = new();
    private readonly Sample _ratios = new();
    private readonly Sample _excesses = new();
    private Sample _oursOfRound = new();
    private Sample _againstOfRound = new();

    /// <summary>How much more ours may be, in the unit, in place of a ratio.</summary>
    internal double? Within { get; init; }

    /// <summary>What misses the reach whatever the ratio is; null for nothing.</summary>
    internal string? Miss { get; set; }

    /// <summary>
    /// How many measurements a round has, of which the medians count: one call's own noise is many times what there is to tell.
    /// </summary>
    internal int CallsPerRound { get; init; } = 1;

    internal bool IsSkipped => _ratios.IsEmpty;

    /// <summary>Adds a measurement of both.</summary>
    internal void Add(double ours, double against)
    {
        _oursOfRound.Add(ours);
        _againstOfRound.Add(against);
        if (_oursOfRound.Count == CallsPerRound)
        {
            AddRound(_oursOfRound.Median, _againstOfRound.Median);
            (_oursOfRound, _againstOfRound) = (new(), new());
        }
    }

    internal override string Text() => IsSkipped
        ? $"| {Name} | {Ours} | {Against} | | | | {ReachText()} | skipped: {Note} |"
        : $"| {Name} | {Ours} | {Against} | {Spread(_ours)} {Unit} | {Spread(_against)} {Unit} | {Spread(_ratios)} | {ReachText()} | {Met()}{Excess()}{Also()} |";

    internal override JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["unit"] = Unit,
        ["ours"] = Ours,
        ["against"] = Against,
        ["calls_per_round"] = CallsPerRound,
        ["reach"] = Reach,
        ["within"] = Within,
        ["ours_measured"] = ToJson(_ours),
        ["against_measured"] = ToJson(_against),
        ["ratio"] = ToJson(_ratios),
        ["excess"] = ToJson(_excesses),
        ["met"] = IsSkipped ? null : Met(),
        ["note"] = Note,
    };

    private void AddRound(double ours, double against)
    {
        _ours.Add(ours);
        _against.Add(against);
        _ratios.Add(ours / against);
        _excesses.Add(ours - against);
    }

    private string ReachText() => Within is { } within ? $"+{Number(within)} {Unit}" : Reach is { } reach ? Number(reach) : "";

    private string Met() =>
        Miss is not null ? $"no: {Miss}"
        : Within is { } within ? Met(_excesses, within)
        : Reach is { } reach ? Met(_ratios, reach)
        : "stated";

    private string Excess() => Within is null ? "" : $": {Spread(_excesses)} {Unit} more";

    private string Also() => (CallsPerRound > 1 ? $"; each ratio is of the p50s of {CallsPerRound} calls" : "") + (Note is null ? "" : $"; {Note}");
}
