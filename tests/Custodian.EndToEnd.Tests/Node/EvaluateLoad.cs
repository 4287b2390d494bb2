using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>Subjects who evaluate over and over at one node, each with attempts of its own, and confirm before these run out.</summary>
internal sealed class EvaluateLoad : IAsyncDisposable
{
    private const int MaxAttempts = 100;

    /// <summary>Between one evaluation and the next of a caller; the whole run has none. Some calls are under way all the same.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(Effort.Times(20, 0));

    /// <summary>After a refusal, as any client would wait.</summary>
    private static readonly TimeSpan PauseWhenRefused = TimeSpan.FromMilliseconds(20);

    private readonly NodeProcess _node;
    private readonly bool _isInACrowd;
    private readonly List<(SoloRecord Record, RawCaller Caller)> _records;
    private readonly ConcurrentDictionary<SoloRecord, uint> _unconfirmed = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _answers = new(0);
    private readonly SemaphoreSlim _refusals = new(0);
    private readonly Task _run;
    private int _answered;
    private int _refused;

    private EvaluateLoad(NodeProcess node, List<(SoloRecord Record, RawCaller Caller)> records, bool isInACrowd)
    {
        (_node, _records, _isInACrowd) = (node, records, isInACrowd);
        _run = Task.WhenAll(records.Select(r => RunAsync(r.Record)));
    }

    internal int Answered => _answered;

    internal int Refused => _refused;

    /// <summary>Starts at the first node of a realm, which is there for these callers alone.</summary>
    internal static Task<EvaluateLoad> StartAsync(Realm realm, int callers) => StartAsync(realm, callers, realm.Nodes[0], isInACrowd: false);

    /// <summary>Starts at a node among others' calls, for which they may have to stand back.</summary>
    internal static Task<EvaluateLoad> AmongOthersAsync(Realm realm, int callers, NodeProcess node) => StartAsync(realm, callers, node, isInACrowd: true);

    private static async Task<EvaluateLoad> StartAsync(Realm realm, int callers, NodeProcess node, bool isInACrowd)
    {
        var records = new List<(SoloRecord Record, RawCaller Caller)>();
        for (int i = 0; i < callers; i++)
        {
            string subject = realm.NewSubject();
            RawCaller caller = realm.CallerFor(node, subject);
            records.Add((await SoloRecord.EnrolAsync(
                caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject, maxAttempts: MaxAttempts), caller));
        }

        return new EvaluateLoad(node, records, isInACrowd);
    }

    /// <summary>Ends when so many more evaluations were answered.</summary>
    internal Task AnsweredAsync(int further) => TakeAsync(_answers, further);

    /// <summary>Ends when so many more evaluations were refused.</summary>
    internal Task RefusedAsync(int further) => TakeAsync(_refusals, further);

    internal async Task EndAsync()
    {
        await _stop.CancelAsync();
        await _run;
    }

    /// <summary>
    /// That each record is charged with the attempts that were answered, no more and no less, by its own count and by the audit log's,
    /// and that each answer was right.
    /// </summary>
    /// <returns>How many charges were taken back.</returns>
    internal async Task<int> AssertChargedAsAnsweredAsync()
    {
        Assert.Empty(_wrong);
        ProcessOutcome audit = Expect.Success(await _node.RunAsync("audit", "--json"));
        HashSet<string?> mine = [.. _records.Select(r => r.Record.Header.RecordId.ToString())];
        ILookup<string?, JsonNode> events = audit.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonNode.Parse(l)!)
            .Where(entry => mine.Contains((string?)entry["record"]))
            .ToLookup(entry => (string?)entry["event"]);
        Assert.Equal(_answered, events["Charged"].Count() - events["Refunded"].Count());
        foreach ((SoloRecord record, _) in _records)
        {
            Assert.Equal(_unconfirmed.GetValueOrDefault(record), (await record.StatusAsync()).AttemptsUsed);
        }

        return events["Refunded"].Count();
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        foreach ((SoloRecord record, RawCaller caller) in _records)
        {
            record.Dispose();
            caller.Dispose();
        }

        _stop.Dispose();
        _answers.Dispose();
        _refusals.Dispose();
    }

    private static async Task TakeAsync(SemaphoreSlim counted, int further)
    {
        // Those of before, which nobody waited for, do not count.
        while (await counted.WaitAsync(TimeSpan.Zero))
        {
        }

        for (int i = 0; i < further; i++)
        {
            Assert.True(await counted.WaitAsync(TimeSpan.FromSeconds(60)), $"{i} of {further} came");
        }
    }

    private async Task RunAsync(SoloRecord record)
    {
        while (!_stop.IsCancellationRequested)
        {
            SoloRecord.Attempt attempt = record.NewAttempt();
            try
            {
                EvaluateResponse answer = await record.EvaluateAsync(attempt);
                Interlocked.Increment(ref _answered);
                Judge(record, attempt, answer);
                uint used = _unconfirmed.AddOrUpdate(record, 1, (_, before) => before + 1);
                if (used > MaxAttempts / 2)
                {
                    await record.ConfirmAsync(attempt, answer.Sequence);
                    _unconfirmed[record] = 0;
                }

                _answers.Release();
            }
            catch (RpcException refused)
            {
                Judge(WireRefusal.Of(refused));
                await Task.Delay(PauseWhenRefused, TimeProvider.System);
            }

            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    private void Judge(SoloRecord record, SoloRecord.Attempt attempt, EvaluateResponse answer)
    {
        if (!record.Mask.AsSpan().SequenceEqual(attempt.Blinded.MaskOf(answer.Evaluated)))
        {
            _wrong.Enqueue("another mask than Prepare's");
        }
    }

    private void Judge(WireRefusal refusal)
    {
        Interlocked.Increment(ref _refused);
        _refusals.Release();
        if (refusal.Reason != "HSM_UNAVAILABLE" && !(_isInACrowd && refusal.Reason == "OVERLOADED"))
        {
            _wrong.Enqueue(refusal.Reason);
        }
    }
}
