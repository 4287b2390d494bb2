using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;

namespace Custodian.Cli.Development;

/// <summary>The compact form of a signed token (RFC 7519, RFC 7515 section 7.1).</summary>
internal static class JsonWebToken
{
    internal static string Sign(JsonObject header, JsonObject claims, Func<ReadOnlySpan<byte>, byte[]> sign)
    {
        string signed = $"{Encode(header)}.{Encode(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
