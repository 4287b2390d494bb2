using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Custodian.Node.Host;

/// <summary>One mistake in the configuration, for the operator: which setting, and what it should be.</summary>
internal sealed record SettingMistake(string Setting, string Problem)
{
    public override string ToString() => $"{Setting}: {Problem}";
}

/// <summary>
/// Reads settings by name and collects every mistake instead of stopping at the first. A setting that nothing asked for is a mistake as
/// well: a misspelt name must not silently mean its default.
/// </summary>
internal sealed class SettingsReader(IConfiguration configuration, string folder)
{
    private readonly List<SettingMistake> _mistakes = [];
    private readonly HashSet<string> _asked = new(StringComparer.OrdinalIgnoreCase);

    internal IReadOnlyList<SettingMistake> Mistakes => _mistakes;

    internal void Mistake(string setting, string problem) => _mistakes.Add(new SettingMistake(setting, problem));

    internal string? Optional(string setting)
    {
        _asked.Add(setting);
        string? value = configuration[setting];
        return string.IsNullOrWhiteSpace(value) ? null : value.Trim();
    }

    internal string Required(string setting, string shouldBe)
    {
        string? value = Optional(setting);
        if (value is null)
        {
            Mistake(setting, $"is missing; {shouldBe}");
        }

        return value ?? "";
    }

    /// <summary>The indexes of a list of sections or values, such as <c>issuers:0</c>.</summary>
    internal IReadOnlyList<string> Items(string setting)
    {
        _asked.Add(setting);
        return [.. configuration.GetSection(setting).GetChildren().Select(c => c.Path)];
    }

    internal int Number(string setting, int fallback, int lowest, int highest)
    {
        if (Optional(setting) is not { } text)
        {
            return fallback;
        }

        bool valid = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= lowest && value <= highest;
        if (!valid)
        {
            Mistake(setting, $"is '{text}'; a whole number from {lowest} to {highest}");
        }

        return valid ? value : fallback;
    }

    /// <summary>One of several words; the first is the default.</summary>
    internal string Choice(string setting, params ReadOnlySpan<string> words)
    {
        if (Optional(setting) is not { } text || words.Contains(text))
        {
            return Optional(setting) ?? words[0];
        }

        Mistake(setting, $"is '{text}'; one of: {string.Join(", ", words)}");
        return words[0];
    }

    /// <summary>A path, taken from the folder of the configuration file where it is relative.</summary>
    internal string? OptionalPath(string setting) => Optional(setting) is { } path ? Path.GetFullPath(path, folder) : null;

    /// <summary>A file that must be there and readable.</summary>
    internal string? OptionalFile(string setting)
    {
        string? path = OptionalPath(setting);
        if (path is not null && !File.Exists(path))
        {
            Mistake(setting, $"there is no file {path}");
            return null;
        }

        return path;
    }

    internal string RequiredPath(string setting, string shouldBe) =>
        Required(setting, shouldBe) is { Length: > 0 } path ? Path.GetFullPath(path, folder) : "";

    internal string RequiredFile(string setting, string shouldBe) =>
        Required(setting, shouldBe).Length > 0 ? OptionalFile(setting) ?? "" : "";

    /// <summary>Reports every setting that has a value and that no call above asked for.</summary>
    internal void RefuseUnknown()
    {
        foreach ((string key, string? value) in configuration.AsEnumerable())
        {
            if (value is not null && !_asked.Contains(key))
            {
                Mistake(
                    key,
                    $"is not a setting, in the file, as --override or as the variable {ConfigurationLoader.VariableOf(key)}; the table in the "
                    + "README's operator section lists those there are");
            }
        }
    }
}
