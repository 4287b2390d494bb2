using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
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
    private int _isDisposed;

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

    /// <summary>What has come so far. Looking changes nothing.</summary>
    internal AccountView View() => AccountView.Of(_operation.Set, _views, _outcomes);

    /// <summary>Waits for every node to answer or fail, which the timeouts of the calls bound.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal Task CompleteAsync(CancellationToken cancellation) => Task.WhenAll(_tasks).WaitAsync(cancellation);

    /// <summary>
    /// Waits until nodes that have not answered can change nothing, and then a little for them all the same: what they hold is shown while the
    /// secret is typed, makes an error complete where nothing can be tried, or is a newer record than the one there is to try. A secret that is
    /// there, and a record that can be tried, wait for nobody who can change nothing: the stretching gives them time enough.
    /// </summary>
    /// <param name="isShown">Whether someone looks at the answers while the secret is typed.</param>
    /// <param name="cancellation">Cancels.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task EnoughAsync(bool isShown, CancellationToken cancellation)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        CustodianClientOptions options = _operation.Core.Options;
        List<Task> waiting = [.. _tasks];
        Task? grace = null;
        while (waiting.Count > 0 && grace?.IsCompleted != true)
        {
            AccountView? view = _operation.HasAccount ? View() : null;
            bool isSettled = view?.IsSettled() == true;
            if (isSettled && view!.Choice.Chosen?.CanBeTried == true && !isShown)
            {
                break;
            }

            if (isSettled || view?.IsUsable() == true)
            {
                grace ??= Task.Delay(options.SlowNodeGrace, options.TimeProvider, ending.Token);
            }

            Task done = await Task.WhenAny(grace is null ? waiting : [.. waiting, grace]).WaitAsync(cancellation).ConfigureAwait(false);
            waiting.Remove(done);
        }

        await ending.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Leaves the nodes alone that have not answered.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _ending.Cancel();
            _ = EndAsync();
        }
    }

    /// <summary>Calls that are just ending still look at the token.</summary>
    private async Task EndAsync()
    {
        await Task.WhenAll(_tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
    }

    private async Task DescribeAsync(NodeId node, CancellationToken cancellation)
    {
        try
        {
            using AttemptLedger.Reading own = _operation.Core.OwnAttempts.Watch(node);
            Reply<DescribeResponse> reply = await _operation.DescribeAsync(node, cancellation).ConfigureAwait(false);
            _outcomes.Set(node, reply.IsAnswer ? Read(node, reply.Value, own) : reply.Outcome);
            _progress.Done(node, _outcomes[node]);
        }
        catch (OperationCanceledException)
        {
            // The survey was disposed; the node stays unanswered.
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "an answer that cannot be read is its node's failure, and no other's")]
    private NodeOutcome Read(NodeId node, DescribeResponse response, AttemptLedger.Reading own)
    {
        string? why;
        try
        {
            if (ViewReading.TryRead(response, node, _operation.Set, _operation.Account, out NodeView? view, out why))
            {
                _views[node] = view with { Live = [.. view.Live.Select(s => s with { OwnAttempts = own.Most(s.Record) })] };
                return NodeOutcome.Answered;
            }
        }
        catch (Exception failure)
        {
            why = $"its answer cannot be read: {failure.GetType().Name}";
        }

        Log.NodeFaulty(_operation.Core.Log, node.Value, why);
        return NodeOutcome.Faulty(why);
    }
}
