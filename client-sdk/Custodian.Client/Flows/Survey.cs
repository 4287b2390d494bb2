using System.Collections.Concurrent;
using System.Collections.Immutable;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Client;

/// <summary>
/// Describe at all nodes at once. It can be looked at while slow nodes have not answered, and goes on until it is disposed or they have.
/// </summary>
internal sealed class Survey : IDisposable
{
    private readonly Operation _operation;
    private readonly StageProgress _progress;
    private readonly ConcurrentDictionary<NodeId, NodeView> _views = [];
    private readonly OutcomeTable _outcomes = new();
    private readonly CancellationTokenSource _ending;
    private readonly ImmutableArray<Task> _tasks;

    private Survey(Operation operation)
    {
        _operation = operation;
        _progress = new StageProgress(operation.Progress, CustodyStage.Describing, operation.Set.Nodes.Length);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(operation.Core.Closing);
        Started = operation.Core.Options.TimeProvider.GetTimestamp();
        _tasks = [.. operation.Set.Nodes.Select(n => DescribeAsync(n.Id, _ending.Token))];
    }

    /// <summary>When it began, as the time provider's timestamp.</summary>
    internal long Started { get; }

    /// <summary>Asks every node of the set.</summary>
    internal static Survey Start(Operation operation) => new(operation);

    /// <summary>What has come so far.</summary>
    internal AccountView View() => AccountView.Of(_operation, [.. _views.Values], _outcomes);

    /// <summary>Waits for every node to answer or fail.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal Task CompleteAsync(CancellationToken cancellation) => Task.WhenAll(_tasks).WaitAsync(cancellation);

    /// <summary>Waits until enough is seen, and then a little for the others.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task EnoughAsync(Func<AccountView, bool> isEnough, CancellationToken cancellation)
    {
        List<Task> waiting = [.. _tasks];
        while (waiting.Count > 0 && !(_operation.HasAccount && isEnough(View())))
        {
            waiting.Remove(await Task.WhenAny(waiting).WaitAsync(cancellation).ConfigureAwait(false));
        }

        using CancellationTokenSource grace = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        CustodianClientOptions options = _operation.Core.Options;
        Task delay = Task.Delay(options.SlowNodeGrace, options.TimeProvider, grace.Token);
        await Task.WhenAny(Task.WhenAll(waiting), delay).ConfigureAwait(false);
        await grace.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Leaves the nodes alone that have not answered.</summary>
    public void Dispose()
    {
        // Not disposed itself: calls that are just ending may still look at it.
        _ending.Cancel();
    }

    private async Task DescribeAsync(NodeId node, CancellationToken cancellation)
    {
        try
        {
            Reply<DescribeResponse> reply = await _operation.DescribeAsync(node, cancellation).ConfigureAwait(false);
            _outcomes.Set(node, reply.IsAnswer ? Read(node, reply.Value) : reply.Outcome);
            _progress.Done(node, _outcomes[node]);
        }
        catch (OperationCanceledException)
        {
            // The survey was disposed; the node stays unanswered.
        }
    }

    private NodeOutcome Read(NodeId node, DescribeResponse response)
    {
        if (ViewReading.TryRead(response, node, _operation.Set, _operation.Account, out NodeView? view, out string? why))
        {
            _views[node] = view;
            return NodeOutcome.Answered;
        }

        Log.NodeFaulty(_operation.Core.Log, node.Value, why);
        return NodeOutcome.Faulty(why);
    }
}
