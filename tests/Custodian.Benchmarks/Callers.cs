using System.Diagnostics;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.Benchmarks;

/// <summary>People with a record each at one node, each with a token and a connection of their own, who evaluate all at once.</summary>
internal sealed class Callers : IDisposable
{
    private const int MaxAttempts = 100;

    private readonly List<RawCaller> _callers = [];
    private readonly List<SoloRecord> _records = [];

    internal static async Task<Callers> EnrolAsync(Realm realm, NodeProcess node, int count)
    {
        var all = new Callers();
        for (int i = 0; i < count; i++)
        {
            string subject = realm.NewSubject(), token = realm.Issuer.TokenFor(node.NodeId, subject);
            var caller = new RawCaller(node.Address, realm.CaFile, () => token);
            all._callers.Add(caller);
            all._records.Add(await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject, MaxAttempts));
        }

        return all;
    }

    /// <summary>Every one evaluates as often, one attempt after the other.</summary>
    /// <returns>For each Evaluate: the time from one to the next, and the processor time that was used meanwhile.</returns>
    internal async Task<(double Time, double Processor)> EvaluateAsync(int times, Func<double> processor)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(times, MaxAttempts);
        SoloRecord.Attempt[][] attempts = [.. _records.Select(r => Enumerable.Range(0, times).Select(_ => r.NewAttempt()).ToArray())];
        ulong[] last = new ulong[_records.Count];
        double used = processor();
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(_records.Select((record, i) => Task.Run(async () =>
        {
            foreach (SoloRecord.Attempt attempt in attempts[i])
            {
                last[i] = (await record.EvaluateAsync(attempt)).Sequence;
            }
        })));
        double took = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        used = processor() - used;
        await Task.WhenAll(_records.Select(async (record, i) => await record.ConfirmAsync(attempts[i][^1], last[i])));
        double count = _records.Count * times;
        return (took / count, used / count);
    }

    public void Dispose()
    {
        _records.ForEach(r => r.Dispose());
        _callers.ForEach(c => c.Dispose());
    }
}
