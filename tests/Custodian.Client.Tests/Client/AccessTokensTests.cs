using System.Buffers.Text;
using System.Text;
using Custodian.Protocol;

namespace Custodian.Client.Tests;

public sealed class AccessTokensTests
{
    private static readonly NodeId Node = NodeId.Parse("node-1");
    private readonly StoppedClock _clock = new();
    private int _asked;

    [Fact]
    public async Task Get_TokenStillGood_AsksOnce()
    {
        AccessTokens tokens = Tokens(lifetimeSeconds: 300);

        string first = await tokens.GetAsync(Node, default);
        _clock.Now += TimeSpan.FromSeconds(269);

        Assert.Equal(first, await tokens.GetAsync(Node, default));
        Assert.Equal(1, _asked);
        Assert.Equal(AccountId.Derive(RecordsOnPaper.Set, "i", "s"), tokens.Account);
    }

    [Fact]
    public async Task Get_TokenAboutToExpire_AsksAgain()
    {
        AccessTokens tokens = Tokens(lifetimeSeconds: 300);

        await tokens.GetAsync(Node, default);
        _clock.Now += TimeSpan.FromSeconds(271);
        await tokens.GetAsync(Node, default);

        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task Get_TokenForgotten_AsksAgain()
    {
        AccessTokens tokens = Tokens(lifetimeSeconds: 300);

        await tokens.GetAsync(Node, default);
        tokens.Forget(Node);
        await tokens.GetAsync(Node, default);

        Assert.Equal(2, _asked);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a token")]
    [InlineData("a.b")]
    [InlineData("e30.e30.e30")]
    [InlineData("e30.eyJpc3MiOiJpIn0.e30")]
    [InlineData("e30.eyJpc3MiOjEsInN1YiI6InMifQ.e30")]
    public async Task Get_NoJwtOfAUser_SaysSo(string token)
    {
        AccessTokens tokens = new(Set(), (_, _) => ValueTask.FromResult(token), _clock);

        var refused = await Assert.ThrowsAsync<NoTokenException>(async () => await tokens.GetAsync(Node, default));

        Assert.DoesNotContain(token.Length > 0 ? token : "?", refused.Message, StringComparison.Ordinal);
        Assert.Null(tokens.Account);
    }

    [Theory]
    [InlineData("\"node-2\"")]
    [InlineData("\"NODE-1\"")]
    [InlineData("\"\"")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("[\"node-1\",\"node-2\"]")]
    [InlineData("[\"node-1\",\"node-1\"]")]
    [InlineData("[[\"node-1\"]]")]
    public async Task Get_TokenForAnotherNode_SaysSoAndNamesNobody(string audience)
    {
        AccessTokens tokens = new(Set(), (_, _) => ValueTask.FromResult(Token($$"""{"iss":"i","sub":"s","aud":{{audience}}}""")), _clock);

        var refused = await Assert.ThrowsAsync<NoTokenException>(async () => await tokens.GetAsync(Node, default));

        Assert.Contains("aud", refused.Message, StringComparison.Ordinal);
        Assert.Contains("node-1", refused.Message, StringComparison.Ordinal);
        Assert.Null(tokens.Account);
    }

    [Fact]
    public async Task Get_AudienceInAListOfOne_IsTaken()
    {
        AccessTokens tokens = new(Set(), (_, _) => ValueTask.FromResult(Token("""{"iss":"i","sub":"s","aud":["node-1"]}""")), _clock);

        await tokens.GetAsync(Node, default);

        Assert.NotNull(tokens.Account);
    }

    [Fact]
    public async Task Describe_TokenOfAnotherNode_IsNotSent()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        CustodianClient client = set.NewClient(o => o.Token = (_, _) => ValueTask.FromResult(TestTokens.For("node-1", "user-1")));

        AccountDescription described = await client.DescribeAsync();

        Assert.Equal(NodeCondition.NoToken, described.Nodes[set[1].Id].Condition);
        Assert.Empty(set[1].Script.Calls);
        Assert.NotEmpty(set[0].Script.Calls);
    }

    private static string Token(string payload) => $"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}.e30";

    private AccessTokens Tokens(long lifetimeSeconds) => new(
        Set(),
        (_, _) =>
        {
            _asked++;
            long expires = _clock.Now.ToUnixTimeSeconds() + lifetimeSeconds;
            string payload = $$"""{"iss":"i","sub":"s","aud":"node-1","exp":{{expires}}}""";
            return ValueTask.FromResult($"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}.{_asked}");
        },
        _clock);

    private static CustodianSet Set() => CustodianSet.Create(
        RecordsOnPaper.Set, 1, [new CustodianNode { Id = Node, Region = "r", Operator = "o", Address = new Uri("https://node-1:1") }]);

    private sealed class StoppedClock : TimeProvider
    {
        internal DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch.AddYears(50);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
