using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Says why no record opened (protocol.md section 14). Pure, but for the clock that turns a delay into a time.</summary>
internal static class RecoveryFailure
{
    /// <summary>Explains trials none of which found a fit, in the order they were made, or that there was none to make.</summary>
    internal static CustodyException Explain(Operation operation, AccountView view, ImmutableArray<Trial> trials)
    {
        if (trials.IsEmpty)
        {
            return view.Choice.Chosen is { } chosen ? Blocked(operation, view, chosen) : Absence.Explain(operation.Set, view);
        }

        Trial? tried = trials.FirstOrDefault(t => t.Good >= t.Header.Threshold);
        if (tried is not null)
        {
            return new WrongSecretException(AttemptsLeft(tried), null, IsCertain(view, trials), Outcomes(view, tried));
        }

        Trial trial = trials[0];
        IReadOnlyDictionary<NodeId, NodeOutcome> outcomes = Outcomes(view, trial);
        return (CustodyException?)Locked(operation, trial, outcomes)
            ?? (CustodyException?)Token(trial, outcomes)
            ?? new TooFewNodesException(trial.Header.Threshold, trial.Good, outcomes);
    }

    /// <summary>The t-th highest count over the nodes, by the newest that each said.</summary>
    internal static int AttemptsLeft(Trial trial) =>
        Ranking.Highest(trial.Header.Participants.Select(p => Remaining(trial, p.Node)), trial.Header.Threshold);

    /// <summary>Whether no record is left, tried too little or not at all, seen or unseen, that the secret could be right for.</summary>
    private static bool IsCertain(AccountView view, ImmutableArray<Trial> trials) =>
        !view.CouldHideARecord()
        && view.Choice.All.All(r => trials.Any(t => t.Record.IsSameAs(r)))
        && trials.All(t => t.Good >= Majority.ToBlameTheSecret(t.Header.Threshold));

    /// <summary>
    /// Fewer than t participants have an attempt free now, so nothing was sent. The record is exhausted only if those that have an attempt
    /// left and those that have not spoken are too few together.
    /// </summary>
    private static CustodyException Blocked(Operation operation, AccountView view, HeldRecord record)
    {
        int threshold = record.Header.Threshold;
        int usable = record.Sightings.Count(s => s.AttemptsRemaining > 0);
        return record.Wait is null && usable + view.Silent(record.Header) >= threshold
            ? new TooFewNodesException(threshold, usable, view.Outcomes)
            : LockedFor(operation, record.Wait, record.AttemptsLeft, view.Outcomes);
    }

    private static LockedException LockedFor(
        Operation operation, TimeSpan? delay, int attemptsLeft, IReadOnlyDictionary<NodeId, NodeOutcome> outcomes) =>
        new(delay, operation.Core.Options.TimeProvider.GetUtcNow() + delay, attemptsLeft, outcomes);

    private static int Remaining(Trial trial, NodeId node) =>
        trial.Outcomes[node].Refusal?.Reason == RefusalReason.AttemptsExhausted ? 0
        : trial.Answers.FirstOrDefault(a => a.Node == node)?.Remaining is { } answered ? answered
        : trial.Record.Sightings.FirstOrDefault(s => s.Node == node)?.AttemptsRemaining ?? 0;

    private static ImmutableDictionary<NodeId, NodeOutcome> Outcomes(AccountView view, Trial trial) =>
        view.Outcomes.SetItems(trial.Header.Participants.Select(p => KeyValuePair.Create(p.Node, trial.Outcomes[p.Node])));

    /// <summary>Attempts ran out, or a delay began, between Describe and Evaluate.</summary>
    private static LockedException? Locked(Operation operation, Trial trial, IReadOnlyDictionary<NodeId, NodeOutcome> outcomes)
    {
        TimeSpan[] delays = [.. trial.Answers
            .Where(a => a.Outcome.Refusal?.Reason == RefusalReason.Delayed)
            .Select(a => a.Outcome.Refusal?.RetryAfter ?? TimeSpan.Zero)
            .Order()];
        int missing = trial.Header.Threshold - trial.Good;
        TimeSpan? delay = delays.Length >= missing ? delays[missing - 1] : null;
        return delay is not null || trial.Header.Participants.Count(p => !IsExhausted(trial, p.Node)) < trial.Header.Threshold
            ? LockedFor(operation, delay, AttemptsLeft(trial), outcomes)
            : null;
    }

    /// <summary>Whether a node said that no attempt is left there: now, or before and nothing since.</summary>
    private static bool IsExhausted(Trial trial, NodeId node) =>
        trial.Outcomes[node].Refusal?.Reason == RefusalReason.AttemptsExhausted
        || (trial.Outcomes[node].Condition != NodeCondition.Answered
            && trial.Record.Sightings.Any(s => s.Node == node && s.AttemptsRemaining == 0));

    private static TokenRejectedException? Token(Trial trial, IReadOnlyDictionary<NodeId, NodeOutcome> outcomes) =>
        trial.Answers.Count(a => Absence.IsTokenTrouble(a.Outcome)) >= trial.Header.Threshold - trial.Good
            ? new TokenRejectedException("too few nodes take the access tokens", outcomes)
            : null;
}
