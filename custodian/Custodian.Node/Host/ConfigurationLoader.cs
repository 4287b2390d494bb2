using System.Collections;
using Microsoft.Extensions.Configuration;

namespace Custodian.Node.Host;

/// <summary>The configuration, or every mistake in it.</summary>
internal sealed record LoadedConfiguration(NodeConfiguration? Configuration, IReadOnlyList<SettingMistake> Mistakes);

/// <summary>
/// Puts the configuration together: the JSON file, over it environment variables (<c>CUSTODIAN_HSM__SESSIONS=8</c>), over them
/// <c>--override hsm:sessions=8</c> from the command line.
/// </summary>
internal static class ConfigurationLoader
{
    private const string EnvironmentPrefix = "CUSTODIAN_";

    /// <summary>Read by its own code, never as a setting: a PIN must not travel through a configuration tree.</summary>
    private const string PinVariable = EnvironmentPrefix + "PIN";

    internal static LoadedConfiguration Load(string file, IReadOnlyList<string> overrides)
    {
        string path = Path.GetFullPath(file);
        if (!File.Exists(path))
        {
            return Failed("--config", $"there is no file {path}");
        }

        List<SettingMistake> malformed = [.. overrides
            .Where(o => !o.Contains('=', StringComparison.Ordinal))
            .Select(o => new SettingMistake("--override", $"'{o}' is not of the form setting=value"))];
        if (malformed.Count > 0)
        {
            return new LoadedConfiguration(null, malformed);
        }

        try
        {
            IConfigurationRoot root = Build(path, overrides);
            var reader = new SettingsReader(root, Path.GetDirectoryName(path)!);
            return new LoadedConfiguration(NodeConfiguration.Read(reader), reader.Mistakes);
        }
        catch (Exception error) when (error is InvalidDataException or FormatException or IOException or UnauthorizedAccessException)
        {
            return Failed("--config", $"{path} cannot be read as JSON: {(error.InnerException ?? error).Message}");
        }
    }

    private static IConfigurationRoot Build(string path, IReadOnlyList<string> overrides)
    {
        return new ConfigurationBuilder()
            .AddJsonFile(path, optional: false, reloadOnChange: false)
            .AddInMemoryCollection(FromEnvironment())
            .AddInMemoryCollection(overrides.Select(Split))
            .Build();
    }

    private static IEnumerable<KeyValuePair<string, string?>> FromEnvironment() => Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .Where(v => IsSetting((string)v.Key))
        .Select(v => new KeyValuePair<string, string?>(KeyOf((string)v.Key), (string?)v.Value));

    private static bool IsSetting(string variable) =>
        variable.StartsWith(EnvironmentPrefix, StringComparison.OrdinalIgnoreCase)
        && !variable.Equals(PinVariable, StringComparison.OrdinalIgnoreCase);

    private static string KeyOf(string variable) =>
        variable[EnvironmentPrefix.Length..].Replace("__", ConfigurationPath.KeyDelimiter, StringComparison.Ordinal);

    /// <summary>The environment variable that sets this.</summary>
    internal static string VariableOf(string setting) =>
        EnvironmentPrefix + setting.Replace(ConfigurationPath.KeyDelimiter, "__", StringComparison.Ordinal).ToUpperInvariant();

    private static KeyValuePair<string, string?> Split(string setting)
    {
        int equals = setting.IndexOf('=', StringComparison.Ordinal);
        return new(setting[..equals], setting[(equals + 1)..]);
    }

    private static LoadedConfiguration Failed(string setting, string problem) => new(null, [new SettingMistake(setting, problem)]);
}
