using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Custodian.Client.Tests;

/// <summary>Tokens that scripted nodes take: the payload of a JWT, and no signature, which the client does not look at.</summary>
internal static class TestTokens
{
    internal const string Issuer = "https://login.test";

    internal static string For(string node, string subject, string issuer = Issuer) => string.Join(
        '.',
        Base64Url.EncodeToString("{}"u8),
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { iss = issuer, sub = subject, aud = node }))),
        "none");

    internal static Claims? Read(string token)
    {
        string[] parts = token.Split('.');
        if (parts.Length != 3)
        {
            return null;
        }

        using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        return new Claims(Text(payload, "iss"), Text(payload, "sub"), Text(payload, "aud"));
    }

    private static string Text(JsonDocument payload, string claim) => payload.RootElement.GetProperty(claim).GetString()!;

    internal sealed record Claims(string Issuer, string Subject, string Audience);
}
