using System.Reflection;

namespace Custodian.Client;

/// <summary>The published schema, which travels inside the assembly.</summary>
internal static class SetSchema
{
    private static readonly Lazy<string> Loaded = new(Load);

    internal static string Text => Loaded.Value;

    private static string Load()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("custodian-set.schema.json")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
