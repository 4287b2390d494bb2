using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.Benchmarks;

/// <summary>
/// Evaluate with the node as busy as 64 callers can make it, against the module's bare work and against tang. The callers share the
/// processors with the node, so the rate is that of both; the processor time is the node's and its HSM process's alone.
/// </summary>
internal static class SaturatedBenchmark
{
    private const int People = 64;
    private const int Rounds = 9;
    private const int AttemptsEach = 50;
    private const int TangCalls = 100;

    private static readonly TimeSpan BareRound = TimeSpan.FromSeconds(1);

    internal static IEnumerable<Row> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IEnumerable<Row>> RunAsync()
    {
        var processor = new Comparison(
            "evaluate, saturated: processor", "µs", $"node and HSM process, {People} callers over TLS, each with account and token",
            "bare module: open, unwrap, derive", Reach: 1.3);
        var rate = new Comparison(
            "evaluate, saturated: from one to the next", "µs", "the same, callers on the same processors", "bare module on every processor");
        var recovery = new Comparison(
            "evaluate, saturated, against tang: processor", "µs", "the same", "a recovery call of `tangd`, a process each as Debian runs it (P-521 by OpenSSL)", Reach: 1);
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await Unlimited.RestartAsync(node);
        using var bare = new BareHsm(node, Environment.ProcessorCount);
        using Tang? tang = Tang.Make();
        using Callers callers = await Callers.EnrolAsync(realm, node, People);
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        for (int round = -1; round < Rounds; round++)
        {
            (double Time, double Processor) module = bare.Saturate(BareRound, session => bare.Do(session, HsmWork.Evaluate));
            (double Time, double Processor) ours = await callers.EvaluateAsync(AttemptsEach, () => ProcessorTime.Of(node.Process.Id, host.Id));
            double? theirs = tang is null ? null : Recoveries(tang);
            if (round < 0)
            {
                continue;
            }

            processor.Add(ours.Processor, module.Processor);
            rate.Add(ours.Time, module.Time);
            if (theirs is { } peer)
            {
                recovery.Add(ours.Processor, peer);
            }
        }

        recovery.Note = tang is null ? "tang is missing" : null;
        return [processor, rate, recovery];
    }

    private static double Recoveries(Tang tang)
    {
        double used = ProcessorTime.OfEndedChildren();
        for (int i = 0; i < TangCalls; i++)
        {
            tang.Recover();
        }

        return (ProcessorTime.OfEndedChildren() - used) / TangCalls;
    }
}
