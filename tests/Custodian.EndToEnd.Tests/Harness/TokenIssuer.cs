using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>An identity provider that signs whatever a test asks for.</summary>
internal sealed class TokenIssuer : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>The <c>iss</c> of its tokens.</summary>
    internal string Name { get; init; } = "https://login.test.example";

    /// <summary>How far its clock is ahead of the right time.</summary>
    internal TimeSpan Ahead { get; set; }

    internal string Jwks
    {
        get
        {
            ECParameters parameters = _key.ExportParameters(includePrivateParameters: false);
            return JsonSerializer.Serialize(new
            {
                keys = new[]
                {
                    new
                    {
                        kty = "EC", crv = "P-256", use = "sig", alg = "ES256", kid = "test",
                        x = Base64Url.EncodeToString(parameters.Q.X), y = Base64Url.EncodeToString(parameters.Q.Y),
                    },
                },
            });
        }
    }

    /// <summary>A good token for a node; <paramref name="change"/> makes it a bad one.</summary>
    internal string TokenFor(string nodeId, string subject, Action<Dictionary<string, object?>>? change = null)
    {
        long now = (TimeProvider.System.GetUtcNow() + Ahead).ToUnixTimeSeconds();
        var claims = new Dictionary<string, object?>
        {
            ["iss"] = Name, ["sub"] = subject, ["aud"] = nodeId, ["iat"] = now, ["exp"] = now + 3000, ["scope"] = "openid custody",
        };
        change?.Invoke(claims);
        return Sign(new { alg = "ES256", typ = "JWT", kid = "test" }, claims);
    }

    /// <summary>Signs any header and claims with this issuer's key.</summary>
    internal string Sign(object header, Dictionary<string, object?> claims)
    {
        return SignText(JsonSerializer.Serialize(header), JsonSerializer.Serialize(claims));
    }

    /// <summary>Signs header and claims as they are written, which need not be what any serialiser writes.</summary>
    internal string SignText(string header, string claims)
    {
        string text = $"{Encode(header)}.{Encode(claims)}";
        byte[] signature = _key.SignData(System.Text.Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256);
        return $"{text}.{Base64Url.EncodeToString(signature)}";

        static string Encode(string json) => Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(json));
    }

    /// <summary>The base64url of a value's JSON, for tokens signed in other ways or not at all.</summary>
    internal static string Encode(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));

    public void Dispose() => _key.Dispose();
}
