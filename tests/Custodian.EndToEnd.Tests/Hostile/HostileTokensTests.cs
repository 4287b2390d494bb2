using System.Buffers.Text;
using System.Text;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>Tokens that no issuer makes: a real node rejects them, and its log does not call that a fault of the node or the issuer.</summary>
[Collection(AttackedNode.Collection)]
public sealed class HostileTokensTests : IDisposable
{
    private static readonly string Deep = string.Concat(Enumerable.Repeat("[", 3000)) + string.Concat(Enumerable.Repeat("]", 3000));

    private static readonly string[] Values =
        ["null", "true", "[]", "{}", "\"\"", "-1", "0", "1e400", "9223372036854775808", "1.5", "\"\\ud800\"", "[1,[2]]", "\"x\\u0000\"", Deep];

    private static readonly string[] Headers =
    [
        "", "null", "[]", "{", "{}", """{"alg":null}""", """{"alg":["ES256"]}""", """{"alg":"none"}""", """{"alg":"HS256"}""",
        """{"alg":"ES256","kid":{}}""", """{"alg":"ES256","crit":["x"],"x":1}""", """{"alg":"ES256","zip":"DEF"}""",
        """{"alg":"dir","enc":"A256GCM"}""", """{"alg":"ES256","jwk":{"kty":"EC"}}""", """{"alg":"ES256","x5c":["AA"]}""", """{"alg":"ES256","\ud800":1}""", """{"alg":"\udc00"}""", Deep,
    ];

    private readonly AttackedNode _attacked;
    private readonly RawCaller _caller;
    private string _token = "";

    public HostileTokensTests(AttackedNode attacked)
    {
        _attacked = attacked;
        _caller = new RawCaller(attacked.Node.Address, attacked.Realm.CaFile, () => _token);
    }

    [Fact]
    public async Task Call_OddClaimsUnderAGoodSignature_AreRejectedOrTaken()
    {
        foreach (string claim in (string[])["iss", "sub", "aud", "iat", "exp", "scope", "nbf", "jti"])
        {
            foreach (string value in Values)
            {
                await SendAsync(Signed(claim, value), $"{claim} = {value[..Math.Min(value.Length, 40)]}");
            }
        }
    }

    [Fact]
    public async Task Call_OddHeaders_AreRejected()
    {
        string[] good = _attacked.Realm.Issuer.TokenFor(_attacked.Node.NodeId, "a forger").Split('.');
        foreach (string header in Headers)
        {
            string encoded = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header));
            foreach (string token in (string[])[$"{encoded}.{good[1]}.{good[2]}", $"{encoded}.{good[1]}.", $"{encoded}.AA.AA.AA.AA", $"{encoded}.."])
            {
                Assert.Equal("TOKEN_REJECTED", await SendAsync(token, header[..Math.Min(header.Length, 40)]));
            }
        }
    }

    [Fact]
    public async Task Call_MutatedTokens_AreRejectedUnlessOnlyTheSpellingChanged()
    {
        string good = _attacked.Realm.Issuer.TokenFor(_attacked.Node.NodeId, "a forger");
        List<string> taken = [];
        string[] mutants = [.. Mutants.OfText(good, Effort.Times(300, 30_000), "hostile/tokens").Where(t => t.All(c => c is > ' ' and < '\x7f'))];
        foreach (string mutant in mutants)
        {
            if (await SendAsync(mutant, $"seed {Effort.Seed}, {mutant}") == "OK")
            {
                taken.Add(mutant);
            }
        }

        Assert.All(taken, t => Assert.Equal(PartsOf(good), PartsOf(t)));
        Assert.InRange(taken.Count, 0, mutants.Length / 20);
        Assert.Equal("OK", await SendAsync(good, "the good one"));
    }

    public void Dispose() => _caller.Dispose();

    /// <summary>The bytes of header, claims and signature, however they are spelt.</summary>
    private static string[] PartsOf(string token) =>
    [
        .. token.Split('.').Select(part => part.TrimEnd('=').Replace('-', '+').Replace('_', '/'))
            .Select(part => Convert.ToHexStringLower(Convert.FromBase64String(part.PadRight((part.Length + 3) / 4 * 4, '=')))),
    ];

    private string Signed(string claim, string value)
    {
        using var parsed = System.Text.Json.JsonDocument.Parse(value, new() { MaxDepth = 10_000 });
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        string claims = string.Join(',', new Dictionary<string, string>
        {
            ["iss"] = $"\"{_attacked.Realm.Issuer.Name}\"", ["sub"] = "\"a forger\"", ["aud"] = $"\"{_attacked.Node.NodeId}\"",
            ["iat"] = $"{now}", ["exp"] = $"{now + 3000}", ["scope"] = "\"custody\"", [claim] = value,
        }.Select(c => $"\"{c.Key}\":{c.Value}"));
        return _attacked.Realm.Issuer.SignText("""{"alg":"ES256","typ":"JWT","kid":"test"}""", $"{{{claims}}}");
    }

    private async Task<string> SendAsync(string token, string what)
    {
        _token = token;
        try
        {
            await _caller.Client.DescribeAsync(new DescribeRequest { SetId = _attacked.Realm.SetId }, _caller.Headers);
            return "OK";
        }
        catch (RpcException refused)
        {
            return Documented.Refusal(refused.StatusCode, refused.Trailers.GetValueBytes("grpc-status-details-bin"), what);
        }
    }
}
