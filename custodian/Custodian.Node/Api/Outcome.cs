using Custodian.Core;

namespace Custodian.Node.Api;

/// <summary>How a call ended: an answer, or a refusal by rule. A failing HSM or database is an exception instead.</summary>
/// <typeparam name="T">The answer.</typeparam>
internal readonly record struct Outcome<T>
    where T : class
{
    private Outcome(T? answer, Refusal? refusal) => (Answer, Refusal) = (answer, refusal);

    /// <summary>The answer; null exactly when refused.</summary>
    internal T? Answer { get; }

    /// <summary>Why not, or null.</summary>
    internal Refusal? Refusal { get; }

    public static implicit operator Outcome<T>(T answer) => new(answer, null);

    public static implicit operator Outcome<T>(Refusal refusal) => new(null, refusal);
}
