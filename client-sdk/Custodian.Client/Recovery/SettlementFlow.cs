using System.Collections.Concurrent;
using System.Collections.Immutable;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client;

/// <summary>
/// What follows a recovery (protocol.md section 14): Confirm at every node that was charged, faulty and late ones included, which also puts
/// a PENDING record into effect; then Retire what that has replaced. Ends by the timeouts of the calls, and not by the caller's
/// cancellation, since attempts that are not given back stay used up. Owns the trial.
/// </summary>
internal sealed class SettlementFlow
{
    private readonly Operation _operation;
    private readonly AccountView _view;
    private readonly Trial _trial;
    private readonly StageProgress _progress;
    private readonly ConcurrentDictionary<NodeId, WireState> _confirmed = [];
    private readonly ConcurrentBag<NodeId> _retired = [];
    private readonly Dictionary<NodeId, int> _foreign;

    private SettlementFlow(Operation operation, AccountView view, Trial trial, IReadOnlyDictionary<NodeId, int> foreign)
    {
        (_operation, _view, _trial, _foreign) = (operation, view, trial, new(foreign));
        _progress = new StageProgress(operation.Progress, CustodyStage.Confirming, trial.Header.Participants.Length);
    }

    private Header Header => _trial.Header;

    private CancellationToken Closing => _operation.Core.Closing;

    /// <summary>Settles a trial that found its fit, and disposes it in the end. Never throws.</summary>
    /// <param name="operation">For whom.</param>
    /// <param name="view">What the nodes showed before.</param>
    /// <param name="trial">The trial.</param>
    /// <param name="foreign">Attempts that others made, as far as is known.</param>
    internal static async Task<SettlementReport> RunAsync(
        Operation operation, AccountView view, Trial trial, IReadOnlyDictionary<NodeId, int> foreign)
    {
        // The caller has the key by now and goes on while this runs.
        await Task.Yield();
        using (trial)
        {
            SettlementFlow settlement = new(operation, view, trial, foreign);
            try
            {
                await settlement.ConfirmAllAsync().ConfigureAwait(false);
                await settlement.RetireAsync().ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The client was disposed; the report says how far it came.
            }

            return settlement.Report();
        }
    }

    private async Task ConfirmAllAsync()
    {
        List<Task> confirms = [.. _trial.Answers.Select(ConfirmAsync)];
        await foreach (NodeAnswer answer in _trial.LateAsync().ConfigureAwait(false))
        {
            ForeignCount.Update(_foreign, _operation.Core, _trial, answer.Node);
            confirms.Add(ConfirmAsync(answer));
        }

        await Task.WhenAll(confirms).ConfigureAwait(false);
    }

    private async Task ConfirmAsync(NodeAnswer answer)
    {
        if (answer.Sequence is { } sequence)
        {
            int ended = _operation.Core.OwnAttempts.Ended(Header.RecordId, answer.Node);
            Reply<ConfirmResponse> reply = await _operation
                .ConfirmAsync(answer.Node, Header, _trial.Keys!.Confirm, answer.Attempt, sequence, Closing)
                .ConfigureAwait(false);
            _trial.Outcomes.Set(answer.Node, reply.IsAnswer ? Check(answer.Node, reply.Value, ended) : reply.Outcome);
        }

        _progress.Done(answer.Node, _trial.Outcomes[answer.Node]);
    }

    private NodeOutcome Check(NodeId node, ConfirmResponse response, int ended)
    {
        if (response.State is not (WireState.Active or WireState.Superseded))
        {
            return Faulty(node, "it confirmed a record and does not have it in effect");
        }

        if (response.AttemptsRemaining > Header.MaxAttempts)
        {
            return Faulty(node, "it shows more attempts left than the record allows");
        }

        _confirmed[node] = response.State;
        _operation.Core.OwnAttempts.Clear(Header.RecordId, node, ended);
        return NodeOutcome.Answered;
    }

    private NodeOutcome Faulty(NodeId node, string why)
    {
        Log.NodeFaulty(_operation.Core.Log, node.Value, why);
        return NodeOutcome.Faulty(why);
    }

    /// <summary>A crash before this leaves what was replaced; the next recovery or change removes it.</summary>
    private Task RetireAsync()
    {
        ImmutableArray<NodeId> active = [.. _confirmed.Where(c => c.Value == WireState.Active).Select(c => c.Key)];
        return active.Length < Majority.ToRetire(Header.Participants.Length, Header.Threshold)
            ? Task.CompletedTask
            : Task.WhenAll(from node in active
                           from older in Replaced(node)
                           select RetireAsync(node, older));
    }

    /// <summary>What was ACTIVE or SUPERSEDED beside the record before, and is SUPERSEDED now that it is in effect.</summary>
    private IEnumerable<Header> Replaced(NodeId node) => (_view.At(node)?.Live ?? [])
        .Where(s => s.State != WireState.Pending && s.Record != Header.RecordId)
        .Select(s => s.Header);

    private async Task RetireAsync(NodeId node, Header older)
    {
        Reply<RetireResponse> reply = await _operation.RetireAsync(node, older, _trial.Keys!.Owner, Closing).ConfigureAwait(false);
        if (reply.IsAnswer)
        {
            _retired.Add(node);
        }
        else
        {
            _trial.Outcomes.Set(node, reply.Outcome);
        }
    }

    private static bool IsGone(NodeOutcome outcome) =>
        outcome.Refusal?.Reason is RefusalReason.RecordDestroyed or RefusalReason.RecordNotFound;

    private SettlementReport Report()
    {
        ImmutableDictionary<NodeId, NodeOutcome> outcomes =
            Header.Participants.ToImmutableDictionary(p => p.Node, p => _trial.Outcomes[p.Node]);
        return new SettlementReport
        {
            Confirmed = [.. _confirmed.Keys.Order()],
            Faulty = [.. outcomes.Where(o => o.Value.Condition == NodeCondition.Faulty).Select(o => o.Key).Order()],
            Retired = [.. _retired.Distinct().Order()],
            IsHeld = outcomes.Values.Count(o => !IsGone(o)) >= Header.Threshold,
            ForeignAttempts = _foreign,
            Nodes = outcomes,
        };
    }
}
