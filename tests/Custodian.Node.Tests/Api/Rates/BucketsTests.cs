using System.Net;
using Custodian.Node.Api.Rates;
using Custodian.Node.Tests.Api.Node;

namespace Custodian.Node.Tests.Api.Rates;

/// <summary>The buckets behind the rates, over a clock that a test moves.</summary>
public sealed class BucketsTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void Take_AfterTheBurst_SaysWhenThereIsAPermitAndHasItThen()
    {
        Buckets buckets = New(new Rate(10, 3));
        Assert.All(Enumerable.Range(0, 3), _ => Assert.Null(buckets.Take(1)));

        Assert.Equal(TimeSpan.FromMilliseconds(100), buckets.Take(1));
        _clock.Advance(TimeSpan.FromMilliseconds(99));
        Assert.Equal(TimeSpan.FromMilliseconds(1), buckets.Take(1));
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(buckets.Take(1));
        Assert.NotNull(buckets.Take(1));
    }

    [Fact]
    public void Take_RefusedManyTimes_CostsNothing()
    {
        Buckets buckets = New(new Rate(10, 1));
        Assert.Null(buckets.Take(1));
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.Equal(TimeSpan.FromMilliseconds(100), buckets.Take(1)));

        _clock.Advance(TimeSpan.FromMilliseconds(100));

        Assert.Null(buckets.Take(1));
    }

    [Fact]
    public void Take_LongPause_GivesTheBurstAndNoMore()
    {
        Buckets buckets = New(new Rate(10, 3));
        buckets.Take(1);
        _clock.Advance(TimeSpan.FromDays(10));

        Assert.Equal(3, Enumerable.Range(0, 50).Count(_ => buckets.Take(1) is null));
    }

    [Fact]
    public void Take_OverAMinute_IsTheRate()
    {
        Buckets buckets = New(new Rate(7, 5));
        int taken = 0;
        for (int ms = 0; ms < 60_000; ms++)
        {
            taken += buckets.Take(1) is null ? 1 : 0;
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(taken, 60 * 7, (60 * 7) + 5);
    }

    [Fact]
    public void Take_OneKeyEmpty_LeavesTheOthers()
    {
        Buckets buckets = New(new Rate(1, 1));
        buckets.Take(1);

        Assert.NotNull(buckets.Take(1));
        Assert.Null(buckets.Take(2));
    }

    [Fact]
    public void Take_RateOfNought_IsNoLimitAndRemembersNobody()
    {
        Buckets buckets = New(Rate.None);

        Assert.All(Enumerable.Range(0, 1000), i => Assert.Null(buckets.Take((UInt128)i)));
        Assert.Equal(0, buckets.Remembered);
    }

    [Fact]
    public void Take_ManyKeys_RemembersABoundedNumber()
    {
        Buckets buckets = New(new Rate(1, 1), capacity: 100);
        for (int key = 0; key < 10_000; key++)
        {
            buckets.Take((UInt128)key);
            Assert.InRange(buckets.Remembered, 1, 200);
        }

        Assert.NotNull(buckets.Take(9_999));
        Assert.NotNull(buckets.Take(9_900));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("::ffff:192.0.2.1", "::ffff:192.0.2.2", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    public void KeyOf_TwoAddresses_AreOneClientOnlyWithinOneNetwork(string one, string other, bool same) =>
        Assert.Equal(same, ClientAddress.KeyOf(IPAddress.Parse(one)) == ClientAddress.KeyOf(IPAddress.Parse(other)));

    [Fact]
    public void Places_TakenAndGivenBack_AreCountedByKeyAndForgottenWhenFree()
    {
        var places = new Places<int>(2);
        Assert.Equal([true, true, false, true], new[] { places.TryTake(1), places.TryTake(1), places.TryTake(1), places.TryTake(2) });
        places.GiveBack(1);
        Assert.True(places.TryTake(1));

        places.GiveBack(1);
        places.GiveBack(1);
        places.GiveBack(2);

        Assert.Equal(0, places.Keys);
    }

    private Buckets New(Rate rate, int capacity = 1000) => new(rate, capacity, _clock);
}
