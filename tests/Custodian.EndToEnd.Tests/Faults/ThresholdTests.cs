using System.Text.Json;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>
/// The fifth failure of the closest system: a set could be configured so that a record was stored at too few nodes to survive. Here such a
/// set is refused before anything is stored, and a record goes into effect only when enough nodes have it.
/// </summary>
[Collection(FaultyNodes.Collection)]
public sealed class ThresholdTests(FaultyNodes faulty)
{
    private const string Secret = "four words make sense";

    private Realm Realm => faulty.Realm;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    [InlineData(5, 6)]
    [InlineData(5, -3)]
    [InlineData(5, int.MaxValue)]
    public void Set_ThresholdNoMajorityOrAboveTheNodes_IsRefused(int nodes, int threshold)
    {
        CustodianSetException refused = Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(SetOf(nodes, threshold, null)));
        Assert.Contains(refused.Mistakes, mistake => mistake.Field == "threshold");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(4)]
    public void Set_LowestThresholdOutOfRange_IsRefused(int least)
    {
        CustodianSetException refused = Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(SetOf(5, 3, least)));
        Assert.Contains(refused.Mistakes, mistake => mistake.Field == "min_threshold");
    }

    [Fact]
    public void Set_EveryMajority_IsTaken() => Assert.All(
        from nodes in Enumerable.Range(1, 9) from threshold in Enumerable.Range((nodes / 2) + 1, nodes - (nodes / 2)) select (nodes, threshold),
        set => Assert.Equal(set.threshold, CustodianSet.Parse(SetOf(set.nodes, set.threshold, null)).Threshold));

    [Fact]
    public async Task Enrol_FewerNodesThanMustStore_IsRefusedAndLeavesNothing()
    {
        string subject = Realm.NewSubject();
        await using CustodianClient all = Realm.Client(subject, o => o.MaxRetries = 0);
        await using CustodianClient most = Realm.Client(subject, o => (o.MaxRetries, o.AllowPartialEnrolment) = (0, true));

        EnrollmentRefusedException one;
        EnrollmentRefusedException two;
        await using (await Realm.Proxies[0].RefuseAsync())
        {
            one = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => all.EnrollAsync("key"u8, Secret));
            await using (await Realm.Proxies[1].RefuseAsync())
            {
                two = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => most.EnrollAsync("key"u8, Secret));
            }
        }

        Assert.Contains(Realm.Nodes[0].NodeId, one.Message, StringComparison.Ordinal);
        Assert.Contains(Realm.Nodes[1].NodeId, two.Message, StringComparison.Ordinal);
        await using CustodianClient after = Realm.Client(subject);
        Assert.All((await after.DescribeAsync()).AtNodes.Values, held => Assert.Empty(held));
    }

    private static string SetOf(int nodes, int threshold, int? least)
    {
        var set = new Dictionary<string, object>
        {
            ["set_id"] = "a-set",
            ["threshold"] = threshold,
            ["nodes"] = Enumerable.Range(1, nodes).Select(i => new
            {
                node_id = $"node-{i}", region = $"region-{i}", @operator = $"operator-{i}", address = $"https://node-{i}.example:8443",
            }),
        };
        if (least is { } value)
        {
            set["min_threshold"] = value;
        }

        return JsonSerializer.Serialize(set);
    }
}
