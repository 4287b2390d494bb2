using Custodian.Core;

namespace Custodian.Node.Tests.Core;

/// <summary>The delays between attempts (protocol.md section 11): none for the first three, then 30 s doubling up to 24 h.</summary>
public sealed class AttemptPolicyTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 30)]
    [InlineData(5, 60)]
    [InlineData(6, 120)]
    [InlineData(10, 1_920)]
    [InlineData(15, 61_440)]
    [InlineData(16, 86_400)]
    [InlineData(17, 86_400)]
    [InlineData(101, 86_400)]
    public void DelayBefore_Default_DoublesUpToADay(int attempt, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), new AttemptPolicy().DelayBefore(attempt));

    /// <summary>What threat-model.md works out of it.</summary>
    [Fact]
    public void DelayBefore_DefaultAndTenAttempts_AreAboutAnHour() => Assert.Equal(
        TimeSpan.FromSeconds(3_810), Enumerable.Range(1, 10).Aggregate(TimeSpan.Zero, (sum, k) => sum + new AttemptPolicy().DelayBefore(k)));

    [Fact]
    public void DelayBefore_NoFirstDelay_IsAlwaysZero() =>
        Assert.Equal(TimeSpan.Zero, new AttemptPolicy { FirstDelay = TimeSpan.Zero }.DelayBefore(50));

    [Fact]
    public void DelayBefore_LongestBelowFirst_IsTheLongest() => Assert.Equal(
        TimeSpan.FromSeconds(1),
        new AttemptPolicy { FirstDelay = TimeSpan.FromSeconds(9), LongestDelay = TimeSpan.FromSeconds(1) }.DelayBefore(4));

    [Theory]
    [InlineData("A1", 0, 0)]
    [InlineData("A1(ab)", 0, 0)]
    [InlineData("A1(abc)", 0, 30_000)]
    [InlineData("A1(abc)", 10_000, 20_000)]
    [InlineData("A1(abc)", 30_000, 0)]
    [InlineData("A1(abc)", 1_000_000, 0)]
    [InlineData("A1(abcd)", 0, 60_000)]
    [InlineData("A1(abc2)", 0, 30_000)]
    public void WaitFor_ChargesSinceConfirm_CountsFromTheLast(string record, long nowMs, long waitMs)
    {
        Account account = new AccountSketch().Read(record);

        Assert.Equal(TimeSpan.FromMilliseconds(waitMs), new AttemptPolicy().WaitFor(account.Records[0], nowMs));
    }
}
