namespace Custodian.Client;

/// <summary>How one node fared in an operation, and why.</summary>
/// <param name="Condition">What happened.</param>
/// <param name="Explanation">Why, in words for a person; holds no secret, no token and no account name.</param>
/// <param name="Refusal">The node's refusal when <paramref name="Condition"/> is <see cref="NodeCondition.Refused"/>, else null.</param>
public sealed record NodeOutcome(NodeCondition Condition, string Explanation, NodeRefusal? Refusal = null)
{
    /// <summary>The node did what was asked.</summary>
    public static NodeOutcome Answered { get; } = new(NodeCondition.Answered, "answered");

    /// <summary>The operation ended before the node answered.</summary>
    public static NodeOutcome Unanswered { get; } = new(NodeCondition.Unanswered, "had not answered when the operation ended");

    /// <summary>The explanation.</summary>
    public override string ToString() => Explanation;

    internal static NodeOutcome NotAsked(string why) => new(NodeCondition.NotAsked, why);

    internal static NodeOutcome Faulty(string why) => new(NodeCondition.Faulty, $"faulty: {why}");

    internal static NodeOutcome Refused(NodeRefusal refusal) => new(NodeCondition.Refused, $"refused: {refusal}", refusal);
}
