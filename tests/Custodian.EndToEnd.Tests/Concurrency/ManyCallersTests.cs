using System.Collections.Concurrent;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Custodian.Testing;
using Google.Protobuf;
using Grpc.Core;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Concurrency;

/// <summary>
/// Sixty-four callers at one record, each with an attempt of its own that it sends until it is answered or refused for good, while the node
/// is killed under them: exactly max_attempts of them ever get an evaluation without a Confirm.
/// </summary>
public sealed class ManyCallersTests(ITestOutputHelper output)
{
    private const int Callers = 64;
    private const int Max = 20;
    private const int Kills = 2;
    private const int MostRuns = 20;

    [Fact]
    public async Task Evaluate_SixtyFourCallersAndAKilledNode_GivesExactlyMaxAttemptsEvaluations()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using RawCaller first = Caller(realm, node);
        using SoloRecord record = await SoloRecord.EnrolAsync(first, realm.SetId, node.NodeId, realm.Issuer.Name, "many", maxAttempts: Max);
        int resent = 0;

        // A kill may come when everyone has been answered; it goes on until one found calls under way.
        for (int run = 0; run < Effort.Times(1, 10) || (resent == 0 && run < MostRuns); run++)
        {
            resent += await RunAsync(realm, node, record);
        }

        Assert.True(resent > 0, "no kill ever found a call under way");
    }

    /// <summary>A run without Confirm, and then the Confirm that begins the next; how many calls were sent again.</summary>
    private async Task<int> RunAsync(Realm realm, NodeProcess node, SoloRecord record)
    {
        using var crowd = new Crowd(record, () => Caller(realm, node));
        Task callers = crowd.RunAsync();
        for (int kill = 1; kill <= Kills; kill++)
        {
            await crowd.AnsweredAsync(Math.Min(Max, crowd.Answered.Count + 1));
            await node.KillAsync();
            await node.StartAsync();
            crowd.NodeIsBack();
        }

        await callers;
        output.WriteLine($"{crowd.Answered.Count} of {Callers} were answered, {crowd.Resent} calls that a kill had ended were sent again");
        Assert.Equal(Max, crowd.Answered.Count);
        Assert.Equal(Callers - Max, crowd.Refused);

        await node.KillAsync();
        await node.StartAsync();
        using RawCaller caller = Caller(realm, node);
        SoloRecord after = record.Through(caller);
        Assert.Equal((uint)Max, (await after.StatusAsync()).AttemptsUsed);
        Assert.Equal("ATTEMPTS_EXHAUSTED", (await WireRefusal.OfAsync(after.EvaluateAsync(after.NewAttempt()))).Reason);
        foreach ((SoloRecord.Attempt attempt, ByteString evaluated) in crowd.Answered)
        {
            Assert.Equal(evaluated, (await after.EvaluateAsync(attempt)).Evaluated);
        }

        SoloRecord.Attempt last = crowd.Answered.Keys.First();
        EvaluateResponse charged = await after.EvaluateAsync(last);
        Assert.Equal((uint)Max, (await after.ConfirmAsync(last, charged.Sequence)).AttemptsRemaining);
        return crowd.Resent;
    }

    private static RawCaller Caller(Realm realm, NodeProcess node) =>
        new(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, "many"));

    /// <summary>The callers, and what came of their attempts.</summary>
    private sealed class Crowd(SoloRecord record, Func<RawCaller> newCaller) : IDisposable
    {
        private readonly ConcurrentBag<RawCaller> _former = [];
        private readonly ConcurrentDictionary<int, TaskCompletionSource> _milestones = [];
        private TaskCompletionSource _back = NewSignal();
        private RawCaller _caller = newCaller();
        private int _resent;
        private int _refused;

        internal ConcurrentDictionary<SoloRecord.Attempt, ByteString> Answered { get; } = [];

        internal int Resent => _resent;

        internal int Refused => _refused;

        internal Task RunAsync() => Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(CallAsync)));

        /// <summary>Ends when so many have been answered.</summary>
        internal Task AnsweredAsync(int count)
        {
            Task reached = _milestones.GetOrAdd(count, _ => NewSignal()).Task;
            Announce();
            return reached;
        }

        /// <summary>Lets those go on that have found the node gone.</summary>
        internal void NodeIsBack()
        {
            _former.Add(Interlocked.Exchange(ref _caller, newCaller()));
            Interlocked.Exchange(ref _back, NewSignal()).SetResult();
        }

        public void Dispose()
        {
            _caller.Dispose();
            foreach (RawCaller caller in _former)
            {
                caller.Dispose();
            }
        }

        private async Task CallAsync()
        {
            SoloRecord.Attempt attempt = record.NewAttempt();
            while (true)
            {
                Task back = Volatile.Read(ref _back).Task;
                StatusCode outcome = await TryAsync(record.Through(Volatile.Read(ref _caller)), attempt);
                if (outcome is StatusCode.OK or StatusCode.FailedPrecondition)
                {
                    return;
                }

                if (outcome == StatusCode.Unavailable)
                {
                    // A connection that broke a moment late finds a node that is back already.
                    await Task.WhenAny(back, Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System));
                    Interlocked.Increment(ref _resent);
                }
            }
        }

        private async Task<StatusCode> TryAsync(SoloRecord through, SoloRecord.Attempt attempt)
        {
            try
            {
                Answered[attempt] = (await through.EvaluateAsync(attempt)).Evaluated;
                Announce();
                return StatusCode.OK;
            }
            catch (RpcException refused) when (refused.StatusCode == StatusCode.FailedPrecondition)
            {
                Assert.Equal("ATTEMPTS_EXHAUSTED", WireRefusal.Of(refused).Reason);
                Interlocked.Increment(ref _refused);
                return refused.StatusCode;
            }
            catch (RpcException busy) when (busy.StatusCode is StatusCode.ResourceExhausted)
            {
                await Task.Delay(WireRefusal.Of(busy).RetryAfter ?? TimeSpan.Zero, TimeProvider.System);
                return busy.StatusCode;
            }
            catch (RpcException)
            {
                return StatusCode.Unavailable;
            }
        }

        private void Announce()
        {
            foreach ((int at, TaskCompletionSource milestone) in _milestones)
            {
                if (at <= Answered.Count)
                {
                    milestone.TrySetResult();
                }
            }
        }

        private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
