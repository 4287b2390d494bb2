using System.Globalization;

namespace Custodian.Cli.Development;

/// <summary>How long a token is good: a whole number of seconds, minutes or hours, such as <c>15m</c>; at most an hour.</summary>
internal static class Lifetime
{
    /// <summary>The longest that a node takes (protocol.md section 12).</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>Reads a lifetime; null when it has another form, or is not in 1 s .. 1 h.</summary>
    internal static TimeSpan? Parse(string text)
    {
        long? unit = text.Length < 2 ? null : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => null };
        bool number = int.TryParse(text.AsSpan(0, Math.Max(0, text.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out int count);
        return unit is { } seconds && number && count * seconds is > 0 and <= 3600 ? TimeSpan.FromSeconds(count * seconds) : null;
    }
}
