using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.Benchmarks;

/// <summary>
/// One Evaluate on an idle node over TLS, against what it is made of: the module's bare work, one durable commit, and one authenticated
/// gRPC call that does nothing (Describe of an account that has no record). Measured in turn, so that the machine's noise falls on all.
/// </summary>
internal static class EvaluateBenchmark
{
    private const int WarmUp = 300;
    private const int Rounds = 1500;
    private const int AttemptsPerRun = 50;

    internal static IEnumerable<Row> Run() => [RunAsync().GetAwaiter().GetResult()];

    private static async Task<Comparison> RunAsync()
    {
        var comparison = new Comparison(
            "evaluate, idle", "µs", "one Evaluate over TLS", "bare HSM work + one durable commit + one empty authenticated call", Reach: 1.15)
        {
            CallsPerRound = 50,
        };
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];

        // One account, faster than any person: its rate is not what is measured.
        await Unlimited.RestartAsync(node);
        using var bare = new BareHsm(node);
        using var commit = new BareCommit(node.Folder);
        string emptyToken = realm.Issuer.TokenFor(node.NodeId, "nobody");
        string token = realm.Issuer.TokenFor(node.NodeId, "somebody");
        using var empty = new RawCaller(node.Address, realm.CaFile, () => emptyToken);
        using var caller = new RawCaller(node.Address, realm.CaFile, () => token);
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, "somebody", maxAttempts: 100);
        var describe = new DescribeRequest { SetId = realm.SetId };
        Sample hsm = new(), sqlite = new(), call = new();
        for (int round = 0; round < WarmUp + Rounds; round++)
        {
            double[] times =
            [
                Clock.Time(bare.Evaluate),
                Clock.Time(commit.Commit),
                await Clock.TimeAsync(async () => await empty.Client.DescribeAsync(describe, empty.Headers)),
                await EvaluateOnceAsync(record, round),
            ];
            if (round >= WarmUp)
            {
                hsm.Add(times[0]);
                sqlite.Add(times[1]);
                call.Add(times[2]);
                comparison.Add(times[3], times[0] + times[1] + times[2]);
            }
        }

        comparison.Note = FormattableString.Invariant($"the parts {hsm.Median:0}, {sqlite.Median:0} and {call.Median:0} µs");
        return comparison;
    }

    /// <summary>An attempt of its own each time; now and then a Confirm, outside the measurement, gives the attempts back.</summary>
    private static async Task<double> EvaluateOnceAsync(SoloRecord record, int round)
    {
        SoloRecord.Attempt attempt = record.NewAttempt();
        EvaluateResponse? answer = null;
        double took = await Clock.TimeAsync(async () => answer = await record.EvaluateAsync(attempt));
        if (round % AttemptsPerRun == AttemptsPerRun - 1)
        {
            await record.ConfirmAsync(attempt, answer!.Sequence);
        }

        return took;
    }
}
