using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>
/// The first failure of the closest system: one slow node made everybody slow. Here a recovery takes what the fastest threshold of nodes
/// take.
/// </summary>
[Collection(FaultyNodes.Collection)]
public sealed class SlowNodeTests(FaultyNodes faulty, ITestOutputHelper output)
{
    private const string Secret = "four words make sense";
    private const int Rounds = 5;

    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(1.5);

    /// <summary>What one loaded machine adds by itself, far below what the slow node would.</summary>
    private static readonly TimeSpan Noise = TimeSpan.FromMilliseconds(400);

    private Realm Realm => faulty.Realm;

    [Fact]
    public async Task Recover_OneOfFiveSlowByOneAndAHalfSeconds_IsAsFastAsWithFiveHealthy() => await CompareAsync(() =>
    {
        FaultProxy line = Realm.Proxies[1];
        line.Faults = new LineFaults { Latency = Slow };
        return () => line.Faults = LineFaults.None;
    });

    [Fact]
    public async Task Recover_OneOfFiveStopped_IsAsFastAsWithFiveHealthy() => await CompareAsync(() =>
    {
        Realm.Nodes[2].Process.Pause();
        return Realm.Nodes[2].Process.Continue;
    });

    [Fact]
    public async Task Recover_OneOfFiveTakesConnectionsAndNeverAnswers_IsAsFastAsWithFiveHealthy() => await CompareAsync(() =>
    {
        FaultProxy line = Realm.Proxies[3];
        line.Faults = LineFaults.Stalled;
        return () => line.Faults = LineFaults.None;
    });

    [Fact]
    public async Task Recover_OneOfFiveSlowAndAnotherNeverAnswers_IsAsFastAsWithFiveHealthy() => await CompareAsync(() =>
    {
        (FaultProxy slow, FaultProxy silent) = (Realm.Proxies[1], Realm.Proxies[3]);
        (slow.Faults, silent.Faults) = (new LineFaults { Latency = Slow }, LineFaults.Stalled);
        return () => slow.Faults = silent.Faults = LineFaults.None;
    });

    [Fact]
    public async Task RecoverFromASession_OneOfFiveSlow_ComesBackInOneRoundTripOfTheOthers()
    {
        string subject = await EnrolAsync();
        using IDisposable slow = Realm.Proxies[0].With(new LineFaults { Latency = Slow });
        await using CustodianClient device = Realm.Client(subject);
        using RecoverySession session = await device.PrepareRecoveryAsync();

        using RecoverResult recovered = await session.RecoverAsync(Secret);

        Assert.Equal(NodeCondition.Unanswered, recovered.Nodes[NodeId.Parse(Realm.Nodes[0].NodeId)].Condition);
        Assert.False(recovered.Settlement.IsCompleted, "the slow node had answered already");
    }

    /// <summary>Recovers in turn with five healthy nodes and with a bad one, and compares the medians.</summary>
    /// <param name="breakOne">Breaks a node, and returns what mends it.</param>
    private async Task CompareAsync(Func<Action> breakOne)
    {
        string subject = await EnrolAsync();
        List<TimeSpan> healthy = [];
        List<TimeSpan> withOneBad = [];
        for (int i = 0; i < Rounds; i++)
        {
            healthy.Add(await TimedAsync(subject, () => { }));
            withOneBad.Add(await TimedAsync(subject, breakOne()));
        }

        TimeSpan limit = (Median(healthy) * 1.5) + Noise;
        string figures = $"medians {Median(withOneBad).TotalMilliseconds:f0} ms with one bad node, {Median(healthy).TotalMilliseconds:f0} ms with none";
        Assert.True(Median(withOneBad) < limit, figures);
        output.WriteLine(figures);
    }

    private static TimeSpan Median(List<TimeSpan> times) => times.Order().ElementAt(times.Count / 2);

    /// <summary>The time from the secret to the key on a new device, which has to connect first; then the node is mended and all settles.</summary>
    private async Task<TimeSpan> TimedAsync(string subject, Action mend)
    {
        await using CustodianClient device = Realm.Client(subject);
        try
        {
            long began = TimeProvider.System.GetTimestamp();
            using RecoverResult recovered = await device.RecoverAsync(Secret);
            return TimeProvider.System.GetElapsedTime(began);
        }
        finally
        {
            mend();
        }
    }

    private async Task<string> EnrolAsync()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        return subject;
    }
}
