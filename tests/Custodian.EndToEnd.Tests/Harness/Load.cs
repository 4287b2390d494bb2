using System.Collections.Concurrent;
using System.Globalization;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What became of one call of a load.</summary>
/// <param name="Took">How long its caller waited.</param>
/// <param name="Failure">How it failed, or null.</param>
internal sealed record LoadedCall(TimeSpan Took, RpcException? Failure);

/// <summary>
/// Calls of many accounts to one node, each a Prepare: the dearest thing that a good token alone can ask for. As many as a node can serve,
/// or as many as a test says whether they are served or not, as a crowd of users would.
/// </summary>
internal sealed class Load : IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly RawCaller[] _callers;
    private readonly (PrepareRequest Request, Metadata Headers)[] _calls;
    private int _next;

    /// <param name="realm">Whose first node is called.</param>
    /// <param name="accounts">How many accounts call, in turn.</param>
    internal Load(Realm realm, int accounts)
    {
        NodeProcess node = realm.Nodes[0];
        _callers = [.. Enumerable.Range(0, 4).Select(_ => new RawCaller(node.Address, realm.CaFile, () => null))];
        _calls = [.. Enumerable.Range(0, accounts).Select(_ => NewCall(realm, node))];
    }

    /// <summary>Keeps so many calls under way for so long.</summary>
    internal async Task<IReadOnlyList<LoadedCall>> ClosedAsync(int atOnce, TimeSpan duration)
    {
        long started = TimeProvider.System.GetTimestamp();
        var done = new ConcurrentBag<LoadedCall>();
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
        {
            while (TimeProvider.System.GetElapsedTime(started) < duration)
            {
                done.Add(await CallAsync());
            }
        }));
        return [.. done];
    }

    /// <summary>Begins so many calls a second for so long, however many are still under way.</summary>
    internal async Task<IReadOnlyList<LoadedCall>> OpenAsync(double perSecond, TimeSpan duration)
    {
        long started = TimeProvider.System.GetTimestamp();
        var begun = new List<Task<LoadedCall>>();
        using var timer = new PeriodicTimer(Tick, TimeProvider.System);
        for (TimeSpan passed = TimeSpan.Zero; passed < duration; passed = TimeProvider.System.GetElapsedTime(started))
        {
            while (begun.Count < perSecond * passed.TotalSeconds)
            {
                begun.Add(CallAsync());
            }

            await timer.WaitForNextTickAsync();
        }

        return await Task.WhenAll(begun);
    }

    /// <summary>The wait that a share of the calls stayed within.</summary>
    internal static TimeSpan Percentile(IEnumerable<LoadedCall> calls, double share)
    {
        TimeSpan[] times = [.. calls.Select(c => c.Took).Order()];
        return times[Math.Min(times.Length - 1, (int)(share * times.Length))];
    }

    /// <summary>The memory that a process holds now, in bytes.</summary>
    internal static long MemoryOf(ChildProcess process)
    {
        string line = File.ReadLines($"/proc/{process.Id}/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }

    public void Dispose() => Array.ForEach(_callers, c => c.Dispose());

    private static (PrepareRequest Request, Metadata Headers) NewCall(Realm realm, NodeProcess node)
    {
        string subject = realm.NewSubject();
        var (set, record) = (SetId.Parse(realm.SetId), RecordId.Draw());
        AccountId account = AccountId.Derive(set, realm.Issuer.Name, subject);
        var request = new PrepareRequest
        {
            RecordId = ByteString.CopyFrom(record.ToArray()), SetId = realm.SetId,
            Blinded = new SoloRecord.Blinded(account, record, NodeId.Parse(node.NodeId)).Bytes,
        };
        return (request, new Metadata { { "authorization", $"Bearer {realm.Issuer.TokenFor(node.NodeId, subject)}" } });
    }

    private async Task<LoadedCall> CallAsync()
    {
        int number = Interlocked.Increment(ref _next);
        (PrepareRequest request, Metadata headers) = _calls[number % _calls.Length];
        long started = TimeProvider.System.GetTimestamp();
        try
        {
            await _callers[number % _callers.Length].Client.PrepareAsync(request, headers);
            return new LoadedCall(TimeProvider.System.GetElapsedTime(started), null);
        }
        catch (RpcException failure)
        {
            return new LoadedCall(TimeProvider.System.GetElapsedTime(started), failure);
        }
    }
}
