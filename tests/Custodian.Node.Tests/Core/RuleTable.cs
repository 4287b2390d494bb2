using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>How a table's row is held against what a rule decided.</summary>
internal static class RuleTable
{
    /// <summary>An answer as a table writes it: a state, or a refusal's reason with the wait behind it.</summary>
    internal static string AnswerOf(Decision<StateAnswer> decision) =>
        decision.Refusal is { } refusal ? TextOf(refusal) : $"{decision.Answer!.State}".ToUpperInvariant();

    internal static string TextOf(Refusal refusal) => refusal.RetryAfter is { } wait
        ? FormattableString.Invariant($"{refusal.Reason.WireName()} {wait.TotalSeconds:0.###}s")
        : refusal.Reason.WireName();

    /// <summary>The account after the decision: as written, or as it was.</summary>
    internal static string After<T>(this AccountSketch sketch, Account before, Decision<T> decision)
        where T : class => sketch.Write(decision.Change?.Next ?? before);

    /// <summary>The audit entry in short, or "none": a decision writes exactly when it changes something.</summary>
    internal static string Audited<T>(Decision<T> decision)
        where T : class => decision.Change is { } change ? $"{change.Event.Kind}" : "none";
}
