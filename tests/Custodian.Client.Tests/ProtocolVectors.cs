using System.Text.Json;

namespace Custodian.Client.Tests;

/// <summary>The cases of vectors/protocol-v1.json.</summary>
internal static class ProtocolVectors
{
    private static readonly JsonDocument s_document =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "protocol-v1.json")));

    /// <summary>The names of all cases, for theories.</summary>
    public static TheoryData<string> Names => [.. Cases.Select(c => c.GetProperty("name").GetString()!)];

    /// <summary>All cases.</summary>
    internal static IEnumerable<JsonElement> Cases => s_document.RootElement.GetProperty("cases").EnumerateArray();

    /// <summary>The case of that name.</summary>
    internal static JsonElement Case(string name) => Cases.Single(c => c.GetProperty("name").GetString() == name);

    /// <summary>A field that holds bytes in hexadecimal.</summary>
    internal static byte[] Hex(this JsonElement element, string field) => Convert.FromHexString(element.GetProperty(field).GetString()!);
}
