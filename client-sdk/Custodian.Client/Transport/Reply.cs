using System.Diagnostics.CodeAnalysis;

namespace Custodian.Client;

/// <summary>
/// What a call to a node came to: its answer, or how it failed. A failure is a value here; the flows decide what it means.
/// </summary>
internal readonly record struct Reply<T>
    where T : class
{
    private readonly NodeOutcome? _outcome;

    private Reply(T? value, NodeOutcome? outcome) => (Value, _outcome) = (value, outcome);

    /// <summary>The answer, or null.</summary>
    internal T? Value { get; }

    /// <summary>How the node fared.</summary>
    internal NodeOutcome Outcome => _outcome ?? NodeOutcome.Unanswered;

    [MemberNotNullWhen(true, nameof(Value))]
    internal bool IsAnswer => Value is not null;

    internal static Reply<T> Of(T value) => new(value, NodeOutcome.Answered);

    internal static Reply<T> Failed(NodeOutcome outcome) => new(null, outcome);
}
