using System.Text.Json.Nodes;

namespace Custodian.Benchmarks;

/// <summary>One thing measured by itself.</summary>
/// <param name="Name">What it is called in the table and in bench.json.</param>
/// <param name="Unit">The unit.</param>
/// <param name="What">What is measured.</param>
/// <param name="AtMost">What it is to stay within; null for nothing.</param>
internal sealed record Statement(string Name, string Unit, string What, double? AtMost = null) : Row
{
    private readonly Sample _values = new();

    /// <summary>Adds a measurement.</summary>
    internal void Add(double value) => _values.Add(value);

    internal override string Text() => $"| {Name} | {What} | | {Spread(_values)} {Unit} | | | {ReachText()} | {Met()}{(Note is null ? "" : $"; {Note}")} |";

    internal override JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["unit"] = Unit,
        ["ours"] = What,
        ["at_most"] = AtMost,
        ["ours_measured"] = ToJson(_values),
        ["met"] = Met(),
        ["note"] = Note,
    };

    private string ReachText() => AtMost is { } most ? $"{Number(most)} {Unit}" : "";

    private string Met() => AtMost is { } most ? Met(_values, most) : "stated";
}
