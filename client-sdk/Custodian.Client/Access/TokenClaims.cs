using System.Buffers.Text;
using System.Text.Json;

namespace Custodian.Client;

/// <summary>
/// What the client reads from a token, without verifying it: whose it is, which node it is for, and until when it is good. A node verifies
/// it; here a forged one only makes the name of an account that no node will serve.
/// </summary>
/// <param name="Issuer">The <c>iss</c>.</param>
/// <param name="Subject">The <c>sub</c>.</param>
/// <param name="Audience">The <c>aud</c> when it is exactly one value; null when it is none or several.</param>
/// <param name="Expires">The <c>exp</c>; null when there is none to read.</param>
internal sealed record TokenClaims(string Issuer, string Subject, string? Audience, DateTimeOffset? Expires)
{
    /// <summary>Reads a JWT's payload. Null when the text is not a JWT with <c>iss</c> and <c>sub</c>.</summary>
    internal static TokenClaims? Read(string? token)
    {
        string[] parts = token?.Split('.') ?? [];
        if (parts.Length != 3 || !Base64Url.IsValid(parts[1]))
        {
            return null;
        }

        try
        {
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            return Read(payload.RootElement);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // The second is what a text that is not Unicode brings.
            return null;
        }
    }

    private static TokenClaims? Read(JsonElement payload) =>
        payload.ValueKind == JsonValueKind.Object && Text(payload, "iss") is { } issuer && Text(payload, "sub") is { } subject
            ? new TokenClaims(issuer, subject, SoleAudience(payload), Expiry(payload))
            : null;

    private static string? Text(JsonElement payload, string claim) =>
        payload.TryGetProperty(claim, out JsonElement value) ? Text(value) : null;

    private static string? Text(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static string? SoleAudience(JsonElement payload) =>
        !payload.TryGetProperty("aud", out JsonElement value) ? null
        : value.ValueKind != JsonValueKind.Array ? Text(value)
        : value.GetArrayLength() == 1 ? Text(value[0])
        : null;

    private static DateTimeOffset? Expiry(JsonElement payload) =>
        payload.TryGetProperty("exp", out JsonElement value)
        && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out long seconds)
        && seconds is > 0 and < 253_402_300_800
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;
}
