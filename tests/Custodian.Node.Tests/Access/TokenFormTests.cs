using System.Buffers.Text;
using System.Text;
using Custodian.Node.Access;

namespace Custodian.Node.Tests.Access;

/// <summary>What is looked at before any signature: whoever sends it has no token, so that nothing in it may be this program's fault.</summary>
public sealed class TokenFormTests
{
    private const string Header = """{"alg":"ES256"}""";
    private const string Claims = """{"iss":"https://id.example","sub":"u"}""";

    [Fact]
    public void IsStrict_HeaderAndClaimsAreObjects_IsTrue() => Assert.True(TokenForm.IsStrict(Token(Header, Claims)));

    [Theory]
    [InlineData("""{"\ud800":1}""", Claims)]
    [InlineData("""{"\ud800":1,"\ud800":2}""", Claims)]
    [InlineData(Header, """{"\udc00":1,"iss":"https://id.example","sub":"u"}""")]
    [InlineData(Header, """{"iss\ud800":"https://id.example"}""")]
    [InlineData(Header, """{"\ud800ub":"u"}""")]
    public void IsStrict_NameIsHalfASurrogatePair_IsFalse(string header, string claims) =>
        Assert.False(TokenForm.IsStrict(Token(header, claims)));

    private static string Token(string header, string claims) => $"{Encode(header)}.{Encode(claims)}.AAAA";

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
