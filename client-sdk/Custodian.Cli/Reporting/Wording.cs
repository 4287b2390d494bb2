using System.Globalization;

namespace Custodian.Cli.Reporting;

/// <summary>Brings texts from elsewhere into the form of this program's messages: lower case, no full stop, one line.</summary>
internal static class Wording
{
    /// <summary>An exception's message in that form.</summary>
    internal static string Of(Exception error) => Of(error.Message);

    /// <summary>A sentence in that form. A first word in capitals, such as <c>JSON</c>, stays.</summary>
    internal static string Of(string sentence)
    {
        string line = string.Join(' ', sentence.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        string bare = line.EndsWith('.') && !line.EndsWith("..", StringComparison.Ordinal) ? line[..^1] : line;
        bool ordinaryWord = bare.Length > 1 && char.IsUpper(bare[0]) && !char.IsUpper(bare[1]);
        return ordinaryWord ? char.ToLowerInvariant(bare[0]) + bare[1..] : bare;
    }

    /// <summary>
    /// A text that cannot move the cursor or change colours: some of it, such as a node's refusal, comes from others. Line breaks stay.
    /// </summary>
    internal static string Printable(string text) =>
        text.Any(c => char.IsControl(c) && c != '\n') ? string.Concat(text.Select(c => char.IsControl(c) && c != '\n' ? '\uFFFD' : c)) : text;

    /// <summary>A number of things: <c>1 attempt</c>, <c>2 attempts</c>.</summary>
    internal static string Count(long number, string thing) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {thing}{(number == 1 ? "" : "s")}");

    /// <summary>A waiting time, rounded up, in its two largest units: <c>1 h 30 min</c>.</summary>
    internal static string Duration(TimeSpan time)
    {
        long seconds = Math.Max(0, (long)Math.Ceiling(time.TotalSeconds));
        (long days, long hours, long minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
        return (days, hours, minutes) switch
        {
            ( > 0, _, _) => Pair(days, Plural(days, "day"), hours, "h"),
            (_, > 0, _) => Pair(hours, "h", minutes, "min"),
            (_, _, > 0) => Pair(minutes, "min", seconds % 60, "s"),
            _ => $"{seconds} s",
        };
    }

    private static string Plural(long number, string unit) => number == 1 ? unit : unit + "s";

    private static string Pair(long large, string largeUnit, long small, string smallUnit) =>
        small == 0 ? $"{large} {largeUnit}" : $"{large} {largeUnit} {small} {smallUnit}";
}
