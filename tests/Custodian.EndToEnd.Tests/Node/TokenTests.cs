using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>Every token outside protocol.md section 12 is refused by a real node, whatever it asks for.</summary>
[Collection(SingleNode.Collection)]
public sealed class TokenTests(SingleNode one)
{
    private const string Subject = "token-subject";
    private const string Header = """{"alg":"ES256","typ":"JWT","kid":"test"}""";

    private static readonly Dictionary<string, Func<SingleNode, string?>> Bad = new()
    {
        ["none"] = _ => null,
        ["empty"] = _ => "",
        ["garbage"] = _ => "not.a.token",
        ["expired"] = s => Changed(s, c => Times(c, -4000, -1000)),
        ["of a life above an hour"] = s => Changed(s, c => Times(c, -10, 3591)),
        ["issued in the future"] = s => Changed(s, c => Times(c, 120, 600)),
        ["without exp"] = s => Changed(s, c => c.Remove("exp")),
        ["without iat"] = s => Changed(s, c => c.Remove("iat")),
        ["without sub"] = s => Changed(s, c => c.Remove("sub")),
        ["with an empty sub"] = s => Changed(s, c => c["sub"] = ""),
        ["not valid yet"] = s => Changed(s, c => c["nbf"] = (long)c["iat"]! + 600),
        ["for another node"] = s => Changed(s, c => c["aud"] = "node-9.eu-west"),
        ["for two nodes"] = s => Changed(s, c => c["aud"] = new[] { s.Node.NodeId, "node-9.eu-west" }),
        ["for nobody"] = s => Changed(s, c => c.Remove("aud")),
        ["by an unknown issuer"] = s => Changed(s, c => c["iss"] = "https://elsewhere.example"),
        ["unsigned"] = s => Unsigned(s),
        ["HS256"] = s => Hmac(s),
        ["signed by another key"] = s => Foreign(s),
        ["of altered claims"] = s => Altered(s),
        ["with a crit that nobody understands"] = s => Signed(s, """{"alg":"ES256","kid":"test","crit":["exp"]}""", GoodClaims(s)),
        ["with an empty crit"] = s => Signed(s, """{"alg":"ES256","kid":"test","crit":[]}""", GoodClaims(s)),
        ["with a number as sub"] = s => Changed(s, c => c["sub"] = 12345),
        ["with a list as sub"] = s => Changed(s, c => c["sub"] = new[] { Subject }),
        ["with a number as iss"] = s => Changed(s, c => c["iss"] = 12345),
        ["with a list as scope"] = s => Changed(s, c => c["scope"] = new[] { "custody" }),
        ["with sub twice"] = s => Signed(s, Header, GoodClaims(s).Replace("{", """{"sub":"somebody-else",""", StringComparison.Ordinal)),
        ["with sub twice, once escaped"] = s => Signed(s, Header, GoodClaims(s).Replace("{", """{"sub":"somebody-else",""", StringComparison.Ordinal)),
        ["with aud twice"] = s => Signed(s, Header, GoodClaims(s).Replace("{", """{"aud":"node-9.eu-west",""", StringComparison.Ordinal)),
        ["with alg twice"] = s => Signed(s, """{"alg":"none","alg":"ES256","typ":"JWT","kid":"test"}""", GoodClaims(s)),
        ["of five parts"] = s => Changed(s, _ => { }) + ".e30.e30",
    };

    public static TheoryData<string> BadTokens => [.. Bad.Keys];

    [Theory]
    [MemberData(nameof(BadTokens))]
    public async Task Call_WithBadToken_IsRefusedAsTokenRejected(string kind)
    {
        using RawCaller caller = one.CallerWith(() => Bad[kind](one));

        WireRefusal refusal = await WireRefusal.OfAsync(
            caller.Client.DescribeAsync(new DescribeRequest { SetId = one.Realm.SetId }, caller.Headers));

        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_REJECTED"), (refusal.Status, refusal.Reason));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("openid")]
    [InlineData("custody-admin")]
    public async Task Call_WithoutTheScope_IsRefusedAsScopeMissing(string? scope)
    {
        using RawCaller caller = one.CallerWith(() => Changed(one, c => c["scope"] = scope));

        WireRefusal refusal = await WireRefusal.OfAsync(
            caller.Client.DescribeAsync(new DescribeRequest { SetId = one.Realm.SetId }, caller.Headers));

        Assert.Equal((StatusCode.PermissionDenied, "SCOPE_MISSING"), (refusal.Status, refusal.Reason));
    }

    [Fact]
    public async Task Call_SignedAsTextByHand_IsTaken()
    {
        using RawCaller caller = one.CallerWith(() => Signed(one, Header, GoodClaims(one)));

        DescribeResponse described = await caller.Client.DescribeAsync(new DescribeRequest { SetId = one.Realm.SetId }, caller.Headers);

        Assert.Equal(one.Node.NodeId, described.NodeId);
    }

    [Fact]
    public async Task Call_WithinTheLeeway_IsTaken()
    {
        using RawCaller caller = one.CallerWith(() => Changed(one, c => Times(c, -3000, -20)));

        DescribeResponse described = await caller.Client.DescribeAsync(new DescribeRequest { SetId = one.Realm.SetId }, caller.Headers);

        Assert.Equal(one.Node.NodeId, described.NodeId);
    }

    [Fact]
    public async Task Call_TokenTakenBefore_IsRejectedOnceItsKeyIsTakenBackAndTakenAgainOnceItIsThere()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string jwks = Path.Combine(node.Folder, "jwks.json"), good = await File.ReadAllTextAsync(jwks);
        using var stranger = new TokenIssuer();
        string token = realm.Issuer.TokenFor(node.NodeId, Subject);
        using var caller = new RawCaller(node.Address, realm.CaFile, () => token);
        var describe = new DescribeRequest { SetId = realm.SetId };
        await caller.Client.DescribeAsync(describe, caller.Headers);
        await caller.Client.DescribeAsync(describe, caller.Headers);

        await ReplaceAsync(stranger.Jwks);
        WireRefusal refusal = await WireRefusal.OfAsync(caller.Client.DescribeAsync(describe, caller.Headers));
        await ReplaceAsync(good);
        await caller.Client.DescribeAsync(describe, caller.Headers);

        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_REJECTED"), (refusal.Status, refusal.Reason));

        async Task ReplaceAsync(string keys)
        {
            await File.WriteAllTextAsync($"{jwks}.new", keys);
            File.Move($"{jwks}.new", jwks, overwrite: true);
        }
    }

    private static string Changed(SingleNode one, Action<Dictionary<string, object?>> change) =>
        one.Realm.Issuer.TokenFor(one.Node.NodeId, Subject, change);

    private static void Times(Dictionary<string, object?> claims, long issuedIn, long expiresIn)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        (claims["iat"], claims["exp"]) = (now + issuedIn, now + expiresIn);
    }

    private static string GoodClaims(SingleNode one) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(Claims(one)));

    private static string Signed(SingleNode one, string header, string claims) => one.Realm.Issuer.SignText(header, claims);

    private static string Claims(SingleNode one) => Changed(one, _ => { }).Split('.')[1];

    private static string Unsigned(SingleNode one) => $"{TokenIssuer.Encode(new { alg = "none", typ = "JWT" })}.{Claims(one)}.";

    private static string Hmac(SingleNode one)
    {
        string text = $"{TokenIssuer.Encode(new { alg = "HS256", typ = "JWT", kid = "test" })}.{Claims(one)}";

        // The classic confusion: the public key, which everybody has, used as the secret of an HMAC.
        byte[] mac = HMACSHA256.HashData(System.Text.Encoding.UTF8.GetBytes(one.Realm.Issuer.Jwks), System.Text.Encoding.ASCII.GetBytes(text));
        return $"{text}.{System.Buffers.Text.Base64Url.EncodeToString(mac)}";
    }

    private static string Foreign(SingleNode one)
    {
        using var other = new TokenIssuer();
        return other.TokenFor(one.Node.NodeId, Subject);
    }

    private static string Altered(SingleNode one)
    {
        string[] good = Changed(one, _ => { }).Split('.');
        string[] victim = Changed(one, c => c["sub"] = "somebody-else").Split('.');
        return $"{good[0]}.{victim[1]}.{good[2]}";
    }
}
