using System.Text.Json;
using System.Text.Json.Serialization;

namespace Custodian.Node.Commands;

/// <summary>
/// How the commands speak: errors as <c>custodian: what is wrong; what to do</c>, lower case, no full stop, on standard error; results
/// on standard output, as JSON where <c>--json</c> was given.
/// </summary>
internal static class Terminal
{
    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    internal static void Error(string message) => Console.Error.WriteLine($"custodian: {message}");

    /// <summary>Says on standard error what is worth knowing and no error.</summary>
    internal static void Note(string message) => Console.Error.WriteLine($"custodian: {message}");

    internal static void Print(bool json, object value, Action<TextWriter> asText)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(value, Json));
        }
        else
        {
            asText(Console.Out);
        }
    }
}
