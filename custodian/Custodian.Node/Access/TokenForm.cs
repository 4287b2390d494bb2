using System.Buffers.Text;
using System.Text.Json;

namespace Custodian.Node.Access;

/// <summary>
/// Whether a token says one thing only, whoever reads it. The library that checks signatures is lenient where two readers may differ:
/// it takes the last of two claims of one name, passes over a <c>crit</c> that it does not understand (RFC 7515 section 4.1.11 says to
/// refuse), and reads a number as text. Pure; trusts nothing, for it looks before the signature is checked.
/// </summary>
internal static class TokenForm
{
    private const int Parts = 3;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };
    private static readonly string[] Texts = ["iss", "sub", "scope"];

    /// <summary>Whether a compact JWS is of strict form. Never throws.</summary>
    internal static bool IsStrict(string token)
    {
        string[] parts = token.Split('.', Parts + 1);
        try
        {
            return parts.Length == Parts && IsHeader(parts[0]) && AreClaims(parts[1]);
        }
        catch (Exception malformed) when (malformed is FormatException or JsonException or InvalidOperationException)
        {
            // The last is what the runtime says of an escaped name that is half of a surrogate pair.
            return false;
        }
    }

    private static bool IsHeader(string part)
    {
        using JsonDocument header = Read(part);
        return header.RootElement.ValueKind == JsonValueKind.Object && !header.RootElement.TryGetProperty("crit", out _);
    }

    private static bool AreClaims(string part)
    {
        using JsonDocument claims = Read(part);
        return claims.RootElement.ValueKind == JsonValueKind.Object
            && Texts.All(name => !claims.RootElement.TryGetProperty(name, out JsonElement value) || value.ValueKind is JsonValueKind.String or JsonValueKind.Null);
    }

    private static JsonDocument Read(string part) => JsonDocument.Parse(Base64Url.DecodeFromChars(part), Strict);
}
