using System.Diagnostics;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>
/// Attackers who hold to TLS and then to nothing, several at a time on a real node: its memory stays within bounds, it goes on, and a user
/// recovers while they are at it.
/// </summary>
[Collection(AttackedNode.Collection)]
public sealed class Http2AbuseTests(AttackedNode attacked, ITestOutputHelper output)
{
    private const int Attackers = 4;

    /// <summary>MiB over what the node had before any attack: what all floods together may cost, whatever their volume.</summary>
    private const int Bound = 256;

    public static TheoryData<string> Names => [.. Floods.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Flood_ByFourAttackers_LeavesMemoryBoundedAndOthersServed(string name)
    {
        var floods = new Floods(
            attacked.Node.Address, attacked.Realm.CaFile, attacked.Realm.Issuer.TokenFor(attacked.Node.NodeId, "an attacker"), Effort.Times(5000, 100_000));
        attacked.ForgetPeak();
        int before = attacked.Resident;
        using var ending = new CancellationTokenSource();
        Task[] attackers = [.. Enumerable.Range(0, Attackers).Select(_ => Task.Run(() => Floods.All[name](floods, ending.Token)))];

        long started = Stopwatch.GetTimestamp();
        int recoveries = 0;
        int least = name == Floods.Held ? Attackers * Floods.StreamsHeld : 1;
        bool Arms() => floods.Sent < least && !attackers.All(a => a.IsCompleted);
        for (; recoveries < 2 || Arms() || Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(Effort.Times(1, 30)); recoveries++)
        {
            await attacked.RecoverAsync();
        }

        int peak = attacked.Peak;
        bool over = attackers.All(a => a.IsCompleted);
        await ending.CancelAsync();
        await Task.WhenAll(attackers);
        await attacked.RecoverAsync();
        output.WriteLine(
            $"seed {Effort.Seed}: {floods.Sent} sent, {recoveries} recoveries in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s, attack over {over}; "
            + $"{before} MiB before, {peak} at most, {attacked.Resident} after");
        Assert.True(floods.Sent >= least, $"the attack itself failed: {floods.Sent} sent");
        Assert.False(attacked.Node.Process.HasExited);
        Assert.InRange(peak, 0, attacked.AtRest + Bound);
    }
}
