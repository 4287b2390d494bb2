using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Says why no record opened (protocol.md section 14). Pure, but for the clock that turns a delay into a time.</summary>
internal static class RecoveryFailure
{
    /// <summary>Explains trials none of which found a fit; the first is that of the chosen record.</summary>
    internal static CustodyException Explain(Operation operation, AccountView view, ImmutableArray<Trial> trials)
    {
        Trial? tried = trials.FirstOrDefault(t => t.Good >= t.Header.Threshold);
        if (tried is not null)
        {
            bool isCertain = trials.All(t => t.Good >= Majority.ToBlameTheSecret(t.Header.Threshold));
            return new WrongSecretException(AttemptsLeft(tried), null, isCertain, Outcomes(view, tried));
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
        int exhausted = trial.Answers.Count(a => a.Outcome.Refusal?.Reason == RefusalReason.AttemptsExhausted);
        int missing = trial.Header.Threshold - trial.Good;
        TimeSpan? delay = delays.Length >= missing ? delays[missing - 1] : null;
        return delay is not null || delays.Length + exhausted >= missing
            ? new LockedException(delay, operation.Core.Options.TimeProvider.GetUtcNow() + delay, AttemptsLeft(trial), outcomes)
            : null;
    }

    private static TokenRejectedException? Token(Trial trial, IReadOnlyDictionary<NodeId, NodeOutcome> outcomes) =>
        trial.Answers.Count(a => Absence.IsTokenTrouble(a.Outcome)) >= trial.Header.Threshold - trial.Good
            ? new TokenRejectedException("too few nodes take the access tokens", outcomes)
            : null;
}
