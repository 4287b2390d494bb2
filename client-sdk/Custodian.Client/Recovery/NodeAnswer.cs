using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// What one node's part of a try came to. A node that gave any answer at all was charged an attempt, and is due a Confirm.
/// </summary>
internal sealed class NodeAnswer : IDisposable
{
    internal required NodeId Node { get; init; }

    /// <summary>The index of the node's share.</summary>
    internal required byte Index { get; init; }

    internal required AttemptId Attempt { get; init; }

    internal required NodeOutcome Outcome { get; init; }

    /// <summary>The unmasked share, if the answer is good, else null.</summary>
    internal SecretBytes? Share { get; init; }

    /// <summary>The envelope, whose digest is the header's, if the answer is good; else empty.</summary>
    internal ReadOnlyMemory<byte> Envelope { get; init; }

    /// <summary>The sequence of the charge; null when the node gave no answer, so that whether it was charged is unknown.</summary>
    internal ulong? Sequence { get; init; }

    /// <summary>How many attempts the node says are left; null when it gave no answer.</summary>
    internal int? Remaining { get; init; }

    /// <summary>How many attempts others have made there by that; null when it gave no answer.</summary>
    internal int? Foreign { get; init; }

    internal bool IsGood => Share is not null;

    public void Dispose() => Share?.Dispose();
}
