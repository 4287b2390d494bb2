using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

public sealed class BodyCacheTests
{
    private static readonly byte[] Tag = [1];

    [Fact]
    public void TryGet_OtherTagUnderTheSameKey_FindsNothing()
    {
        var cache = new BodyCache(1 << 20);
        RecordBody body = Body();
        cache.Put(1, Tag, body);
        Assert.True(cache.TryGet(1, [1], out RecordBody? found));
        Assert.Same(body, found);
        Assert.False(cache.TryGet(1, [2], out _));
        Assert.False(cache.TryGet(2, [1], out _));
    }

    [Fact]
    public void Put_BeyondCapacity_GivesUpTheLeastRecentlyUsed()
    {
        RecordBody body = Body();
        var cache = new BodyCache(body.Weight * 3);
        for (long record = 1; record <= 3; record++)
        {
            cache.Put(record, Tag, body);
        }

        cache.TryGet(1, Tag, out _);
        cache.Put(4, Tag, body);
        Assert.Equal([1L, 3, 4], Enumerable.Range(1, 4).Select(i => (long)i).Where(i => cache.TryGet(i, Tag, out _)));
    }

    [Fact]
    public void Put_SameKeyAgain_CountsOnce()
    {
        RecordBody body = Body();
        var cache = new BodyCache(body.Weight * 2);
        for (int i = 0; i < 10; i++)
        {
            cache.Put(1, Tag, body);
        }

        cache.Put(2, Tag, body);
        Assert.True(cache.TryGet(1, Tag, out _));
        Assert.True(cache.TryGet(2, Tag, out _));
    }

    [Fact]
    public void Put_LargerThanTheCache_IsNotKept()
    {
        var cache = new BodyCache(0);
        cache.Put(1, Tag, Body());
        Assert.False(cache.TryGet(1, Tag, out _));
    }

    private static RecordBody Body() => RecordBody.Of(Samples.Record(AccountId.Derive(Records.ClientRecord.Set, "i", "s")));
}
