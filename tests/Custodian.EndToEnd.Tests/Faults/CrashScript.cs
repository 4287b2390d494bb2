using System.Collections.Concurrent;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>One call of an operation: the how-manieth of its method at that node.</summary>
internal readonly record struct CrashStep(CustodyMethod Method, int Node, int Number)
{
    public override string ToString() => $"{Method} {Number} at node {Node + 1}";
}

/// <summary>A step, and on which side of it the crash is.</summary>
/// <param name="Step">The call.</param>
/// <param name="IsAfter">Whether the node has executed it and the reply is lost; else the request is.</param>
internal readonly record struct CrashPoint(CrashStep Step, bool IsAfter)
{
    public override string ToString() => $"{(IsAfter ? "after" : "before")} {Step}";
}

/// <summary>
/// What happens to the calls of one subject on their way to the nodes. They pass one at a time, so that a point between two of them is one
/// for all nodes; and every attempt that a node has evaluated is counted, to be compared with what the nodes say.
/// </summary>
internal sealed class CrashScript : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ConcurrentDictionary<(int Node, ByteString Record), HashSet<ByteString>> _charged = [];
    private volatile Run _run = new(null, () => Task.CompletedTask, false);

    /// <summary>The calls since it was armed, in the order they passed.</summary>
    internal IReadOnlyCollection<CrashStep> Steps => _run.Steps;

    /// <summary>Whether the point was reached since it was armed.</summary>
    internal bool HasCrashed => _run.HasCrashed;

    /// <summary>From now on counts steps, and crashes at a point; null for none.</summary>
    /// <param name="point">Where.</param>
    /// <param name="crash">Does it.</param>
    /// <param name="isClient">Whether it is the client that is gone then: nothing that it has sent or will send gets through.</param>
    internal void Arm(CrashPoint? point, Func<Task> crash, bool isClient) => _run = new Run(point, crash, isClient);

    /// <summary>Lets everything pass again, but for what the armed one's client had under way.</summary>
    internal void Disarm()
    {
        _run.IsOver = true;
        _run = new Run(null, () => Task.CompletedTask, false);
    }

    /// <summary>How many attempts at a record a node has evaluated since it last confirmed one.</summary>
    internal int ChargedAt(int node, ByteString record) => _charged.TryGetValue((node, record), out HashSet<ByteString>? attempts) ? attempts.Count : 0;

    internal async Task<byte[]> PassAsync(int node, LyingCall call, Func<Task<byte[]>> next)
    {
        Run run = _run;
        await _turn.WaitAsync(call.Cancelled);
        try
        {
            CrashStep step = run.Note(call.Method, node);
            await CrashAtAsync(run, new CrashPoint(step, IsAfter: false));
            byte[] answer = await next();
            Count(node, call);
            await CrashAtAsync(run, new CrashPoint(step, IsAfter: true));
            return answer;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private static async Task CrashAtAsync(Run run, CrashPoint point)
    {
        if (!run.IsOver && run.Point == point)
        {
            await run.CrashAsync();
            throw Fronts.Gone();
        }

        if (run.IsOver)
        {
            throw Fronts.Gone();
        }
    }

    /// <summary>What the node has executed.</summary>
    private void Count(int node, LyingCall call)
    {
        if (call.Method == CustodyMethod.Evaluate)
        {
            EvaluateRequest request = call.RequestAs<EvaluateRequest>();
            _charged.GetOrAdd((node, request.RecordId), _ => []).Add(request.AttemptId);
        }
        else if (call.Method == CustodyMethod.Confirm)
        {
            _charged[(node, call.RequestAs<ConfirmRequest>().RecordId)] = [];
        }
    }

    /// <summary>What one client does, from its first call to its last.</summary>
    private sealed class Run(CrashPoint? point, Func<Task> crash, bool isClient)
    {
        private readonly ConcurrentDictionary<(CustodyMethod, int), int> _numbers = [];
        private volatile bool _isOver;

        internal CrashPoint? Point => point;

        internal ConcurrentQueue<CrashStep> Steps { get; } = [];

        /// <summary>Whether nothing of it passes any more.</summary>
        internal bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }

        internal bool HasCrashed { get; private set; }

        internal CrashStep Note(CustodyMethod method, int node)
        {
            var step = new CrashStep(method, node, _numbers.AddOrUpdate((method, node), 1, (_, before) => before + 1));
            Steps.Enqueue(step);
            return step;
        }

        internal Task CrashAsync()
        {
            HasCrashed = true;
            IsOver = isClient;
            return crash();
        }
    }
}
