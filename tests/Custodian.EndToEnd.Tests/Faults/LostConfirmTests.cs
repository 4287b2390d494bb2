using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>
/// The third failure of the closest system: people who knew their secret were locked out because the reset of the counters did not get
/// through. Here the next success that gets through settles all of it.
/// </summary>
public sealed class LostConfirmTests
{
    private const string Secret = "four words make sense";
    private const int Recoveries = 5;

    [Fact]
    public async Task Recover_FiveTimesWhileConfirmFailsAtMostNodes_LocksNobodyOutAndTheNextSettlesThem()
    {
        await using Realm realm = await Realm.StartAsync(5);
        string subject = await EnrolAsync(realm);
        await using Fronts fronts = await Fronts.StartAsync(realm);
        FailConfirms(fronts, 4);

        for (int i = 0; i < Recoveries; i++)
        {
            Assert.Equal(1, await RecoverAsync(realm, subject));
        }

        await using CustodianClient device = realm.Client(subject);
        Assert.Equal(10 - Recoveries, (await device.DescribeAsync()).AttemptsLeft);
        fronts.Each(front => front.BeHonest());
        Assert.Equal(5, await RecoverAsync(realm, subject));
        await AllAreBackAsync(device, 5);
    }

    [FakeClockFact]
    [Trait("Effort", "Long")]
    public async Task Recover_FiveTimesWhileConfirmFailsWithTheDefaultDelays_WaitsThemOutAndTheNextSettlesThem()
    {
        List<FakeClock> clocks = [];
        await using Realm realm = await Realm.StartAsync(3, firstDelaySeconds: 30, prepare: node => clocks.Add(FakeClock.For(node)));

        // Kestrel's word for a machine that has no time for it: a node under libfaketime takes more of it.
        realm.Expected.Add("the heartbeat has been running for");
        string subject = await EnrolAsync(realm);
        await using Fronts fronts = await Fronts.StartAsync(realm);
        FailConfirms(fronts, 2);

        List<double> waited = [];
        for (int i = 0; i < Recoveries; i++)
        {
            waited.Add(await WaitOutAsync(realm, subject, clocks));
            Assert.Equal(1, await RecoverAsync(realm, subject));
        }

        fronts.Each(front => front.BeHonest());
        waited.Add(await WaitOutAsync(realm, subject, clocks));
        Assert.Equal(3, await RecoverAsync(realm, subject));

        // protocol.md section 11: none for three attempts, then 30 s that double. What has passed since the attempt is not waited again.
        Assert.Equal([0, 0, 0], waited.Take(3));
        Assert.InRange(waited[3], 1, 30);
        Assert.InRange(waited[4], 31, 60);
        Assert.InRange(waited[5], 61, 120);
        await using CustodianClient device = realm.Client(subject);
        await AllAreBackAsync(device, 3);
        Assert.Equal(TimeSpan.Zero, (await device.DescribeAsync()).Delay);
    }

    private static void FailConfirms(Fronts fronts, int nodes)
    {
        for (int i = 0; i < nodes; i++)
        {
            fronts[i].Refuse(CustodyMethod.Confirm, Fronts.Gone());
        }
    }

    /// <summary>Steps the nodes' clocks by the delay that is shown, and returns its seconds.</summary>
    private static async Task<double> WaitOutAsync(Realm realm, string subject, List<FakeClock> clocks)
    {
        await using CustodianClient device = realm.Client(subject);
        TimeSpan delay = (await device.DescribeAsync()).Delay
            ?? throw new InvalidOperationException("the record is exhausted");
        if (delay > TimeSpan.Zero)
        {
            LockedException locked = await Assert.ThrowsAsync<LockedException>(() => device.RecoverAsync(Secret));
            Assert.False(locked.IsExhausted);
            realm.Issuer.Ahead += delay;
            await FakeClock.StepAsync(clocks, realm.Issuer.Ahead);
        }

        return delay.TotalSeconds;
    }

    /// <summary>Recovers on a new device, and returns how many nodes gave the attempt back.</summary>
    private static async Task<int> RecoverAsync(Realm realm, string subject)
    {
        await using CustodianClient device = realm.Client(subject, o => o.MaxRetries = 0);
        using RecoverResult recovered = await device.RecoverAsync(Secret);
        return (await recovered.Settlement).Confirmed.Length;
    }

    private static async Task AllAreBackAsync(CustodianClient device, int nodes)
    {
        AccountDescription account = await device.DescribeAsync();
        Assert.Equal(nodes, account.AtNodes.Count);
        Assert.All(account.AtNodes.Values, records => Assert.Equal(10, Assert.Single(records).AttemptsLeft));
    }

    private static async Task<string> EnrolAsync(Realm realm)
    {
        string subject = realm.NewSubject();
        await realm.EnrolAsync(subject, Secret, realm.NewKey());
        return subject;
    }
}
