using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Fewer nodes did what was asked than the operation needs; <see cref="CustodyException.Nodes"/> says why each did not.</summary>
public sealed class TooFewNodesException : CustodyException
{
    internal TooFewNodesException(int needed, int answered, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base($"{needed} nodes are needed and {answered} did what was asked: {Describe(nodes)}", nodes) =>
        (Needed, Answered) = (needed, answered);

    /// <summary>How many nodes the operation needs.</summary>
    public int Needed { get; }

    /// <summary>How many did what was asked.</summary>
    public int Answered { get; }

    /// <inheritdoc/>
    public override bool IsTransient => AnyTransient(Nodes);
}

/// <summary>The access tokens are missing, rejected by the nodes, or name different users.</summary>
public sealed class TokenRejectedException : CustodyException
{
    internal TokenRejectedException(string why, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base($"{why}: {Describe(nodes)}", nodes)
    {
    }
}
