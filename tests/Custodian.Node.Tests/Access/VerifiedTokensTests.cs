using Custodian.Node.Access;

namespace Custodian.Node.Tests.Access;

public sealed class VerifiedTokensTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);
    private static readonly object Keys = new();

    [Fact]
    public void Find_Added_IsWhatWasVerified()
    {
        VerifiedTokens tokens = new(4);
        VerifiedToken verified = Verified("one");
        tokens.Add(TokenDigest.Of("one"), verified);

        Assert.Same(verified, tokens.Find(TokenDigest.Of("one"), Now));
        Assert.Null(tokens.Find(TokenDigest.Of("onf"), Now));
        Assert.Null(tokens.Find(TokenDigest.Of("one "), Now));
    }

    [Theory]
    [InlineData(-61, false)]
    [InlineData(-30, true)]
    [InlineData(0, true)]
    [InlineData(629, true)]
    [InlineData(630, false)]
    public void Find_TimesHoldAgainOrNoMore_IsFoundOnlyWhileTheyDo(int seconds, bool isFound)
    {
        VerifiedTokens tokens = new(4);
        tokens.Add(TokenDigest.Of("one"), Verified("one"));

        Assert.Equal(isFound, tokens.Find(TokenDigest.Of("one"), Now.AddSeconds(seconds)) is not null);
    }

    [Fact]
    public void Add_MoreThanAreRemembered_ForgetsTheOldest()
    {
        VerifiedTokens tokens = new(4);
        for (int i = 0; i < 10; i++)
        {
            tokens.Add(TokenDigest.Of($"{i}"), Verified($"{i}"));
        }

        int[] found = [.. Enumerable.Range(0, 10).Where(i => tokens.Find(TokenDigest.Of($"{i}"), Now) is not null)];

        Assert.Equal([4, 5, 6, 7, 8, 9], found);
    }

    private static VerifiedToken Verified(string subject)
    {
        long at = Now.ToUnixTimeSeconds();
        return new VerifiedToken(
            new IssuerScheme("issuer-0", null!, null), Keys, new TokenTimes(at, at + 600, null), new AccessDecision(new Caller("https://issuer.example", subject), null));
    }
}
