using System.Diagnostics.CodeAnalysis;

namespace Custodian.Client;

/// <summary>
/// What a call to a node came to: its answer, or how it failed. A failure is a value here; the flows decide what it means.
/// </summary>
internal readonly record struct Reply<T>
    where T : class
{
    private readonly NodeOutcome? _outcome;

    private Reply(T? value, NodeOutcome? outcome, bool mayHaveActed) => (Value, _outcome, MayHaveActed) = (value, outcome, mayHaveActed);

    /// <summary>The answer, or null.</summary>
    internal T? Value { get; }

    /// <summary>How the node fared.</summary>
    internal NodeOutcome Outcome => _outcome ?? NodeOutcome.Unanswered;

    /// <summary>
    /// Whether some send of the call ended without the node's word, so that the node may have done what was asked, whatever it said to a
    /// resend.
    /// </summary>
    internal bool MayHaveActed { get; }

    [MemberNotNullWhen(true, nameof(Value))]
    internal bool IsAnswer => Value is not null;

    internal static Reply<T> Of(T value) => new(value, NodeOutcome.Answered, mayHaveActed: true);

    internal static Reply<T> Failed(NodeOutcome outcome, bool mayHaveActed = false) => new(null, outcome, mayHaveActed);
}
