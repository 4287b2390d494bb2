using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>The second failure of the closest system: a reply that got lost cost the user an attempt. Here it is asked for again, and costs none.</summary>
[Collection(FaultyNodes.Collection)]
public sealed class LostReplyTests(FaultyNodes faulty)
{
    private const string Secret = "four words make sense";

    private Realm Realm => faulty.Realm;

    [Fact]
    public async Task Recover_EveryEvaluateReplyLostOnce_CostsOneAttemptAndNotTwo()
    {
        string subject = await EnrolAsync();
        await using Fronts fronts = await Fronts.StartAsync(Realm);
        fronts.Each(front => LoseFirst(front, CustodyMethod.Evaluate));
        await using CustodianClient device = Realm.Client(subject);

        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => device.RecoverAsync("not it"));

        Assert.Equal(9, wrong.AttemptsLeft);
        await EveryNodeHasLeftAsync(device, 9);
        fronts.Each(front =>
        {
            IReadOnlyList<LyingCall> calls = front.CallsOf(CustodyMethod.Evaluate);
            Assert.Equal(2, calls.Count);
            Assert.Equal(calls[0].Request, calls[1].Request);
        });
    }

    [Fact]
    public async Task Recover_ConnectionsBreakWithTheRepliesOfEvaluateOnThem_CostsOneAttemptAndNotTwo()
    {
        string subject = await EnrolAsync();
        await using CustodianClient device = Realm.Client(subject);
        using RecoverySession session = await device.PrepareRecoveryAsync();
        LineRecording[] recordings = [.. Realm.Proxies.Select(p => p.Record())];

        Task<RecoverResult> recovering;
        try
        {
            SetAll(LineFaults.RepliesLost);
            recovering = session.RecoverAsync(Secret);
            await AllSpokeAsync(recordings);
        }
        finally
        {
            SetAll(LineFaults.None);
        }

        Assert.False(recovering.IsCompleted, "a reply came through");
        foreach (FaultProxy proxy in Realm.Proxies)
        {
            proxy.Reset();
        }

        using RecoverResult recovered = await recovering;
        Assert.Empty(recovered.ForeignAttempts);
        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        await EveryNodeHasLeftAsync(device, 10);
    }

    /// <summary>Until every node has sent what is no less than the envelope that comes with an evaluation.</summary>
    private static async Task AllSpokeAsync(LineRecording[] recordings)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        while (!recordings.All(r => r.Replies.Length > Limits.MinEnvelopeSize))
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    private static void LoseFirst(LyingNode front, CustodyMethod method) => front.Add(method, async (call, next) =>
    {
        byte[] answer = await next();
        return call.Number == 1 ? throw Fronts.Gone() : answer;
    });

    private static async Task EveryNodeHasLeftAsync(CustodianClient device, int attempts)
    {
        AccountDescription account = await device.DescribeAsync();
        Assert.Equal(5, account.AtNodes.Count);
        Assert.All(account.AtNodes.Values, records => Assert.Equal(attempts, Assert.Single(records).AttemptsLeft));
    }

    private void SetAll(LineFaults faults)
    {
        foreach (FaultProxy proxy in Realm.Proxies)
        {
            proxy.Faults = faults;
        }
    }

    private async Task<string> EnrolAsync()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        return subject;
    }
}
