using System.Collections.ObjectModel;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// An operation of a <see cref="CustodianClient"/> that did not succeed. The derived type says what it means for the user; misuse of the
/// API throws <see cref="ArgumentException"/> and its kin instead.
/// </summary>
public abstract class CustodyException : Exception
{
    /// <summary>No node was asked.</summary>
    internal static readonly IReadOnlyDictionary<NodeId, NodeOutcome> NoNodes = ReadOnlyDictionary<NodeId, NodeOutcome>.Empty;

    private protected CustodyException(string message, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base(message) => Nodes = nodes;

    /// <summary>How each node fared; empty when none was asked.</summary>
    public IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; }

    /// <summary>Whether the same call may succeed soon without anyone doing anything.</summary>
    public virtual bool IsTransient => false;

    private protected static string Describe(IReadOnlyDictionary<NodeId, NodeOutcome> nodes) =>
        string.Join("; ", nodes.OrderBy(n => n.Key).Where(n => n.Value.Condition != NodeCondition.Answered).Select(n => $"{n.Key} {n.Value}"));

    private protected static bool AnyTransient(IReadOnlyDictionary<NodeId, NodeOutcome> nodes) => nodes.Values.Any(outcome =>
        outcome.Condition is NodeCondition.Unreachable or NodeCondition.TimedOut or NodeCondition.Unanswered
        || outcome.Refusal?.Reason is RefusalReason.Overloaded or RefusalReason.HsmUnavailable or RefusalReason.StorageUnavailable);

    private protected static string InSeconds(TimeSpan wait) => $"{Math.Ceiling(wait.TotalSeconds):0} s";
}
