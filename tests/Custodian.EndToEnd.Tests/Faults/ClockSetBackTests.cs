using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>The clock of a real node is set back while it serves: by its operator, or by a time server that lies.</summary>
public sealed class ClockSetBackTests
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(30);

    [FakeClockFact]
    public async Task Evaluate_ClockSetBackAfterThreeAttempts_KeepsThemAndWaitsTheDelayFromNow()
    {
        List<FakeClock> clocks = [];
        await using Realm realm = await Realm.StartAsync(1, firstDelaySeconds: 30, prepare: node => clocks.Add(FakeClock.For(node)));
        realm.Expected.Add("the heartbeat has been running for");
        string subject = realm.NewSubject();
        NodeProcess node = realm.Nodes[0];
        using RawCaller caller = realm.CallerFor(node, subject);
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject);
        for (int attempt = 0; attempt < 3; attempt++)
        {
            await record.EvaluateAsync(record.NewAttempt());
        }

        await StepAsync(realm, clocks, TimeSpan.FromHours(-2));
        RecordStatus setBack = await record.StatusAsync();
        WireRefusal refused = await WireRefusal.OfAsync(record.EvaluateAsync(record.NewAttempt()));

        // protocol.md section 11: a charged_ms in the future counts as now, so that the delay neither ends nor becomes two hours.
        Assert.Equal((3U, 7U), (setBack.AttemptsUsed, setBack.AttemptsRemaining));
        Assert.Equal((long)FirstDelay.TotalMilliseconds, setBack.RetryAfterMs);
        Assert.Equal(("DELAYED", FirstDelay), (refused.Reason, refused.RetryAfter));
        Assert.Equal(3U, (await record.StatusAsync()).AttemptsUsed);

        await StepAsync(realm, clocks, FirstDelay);
        Assert.Equal(0, (await record.StatusAsync()).RetryAfterMs);
        await record.EvaluateAsync(record.NewAttempt());
        Assert.Equal(4U, (await record.StatusAsync()).AttemptsUsed);
    }

    private static Task StepAsync(Realm realm, List<FakeClock> clocks, TimeSpan fromRightTime)
    {
        realm.Issuer.Ahead = fromRightTime;
        return FakeClock.StepAsync(clocks, fromRightTime);
    }
}
