using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Enough nodes answered, and their answers do not give the key: the secret is wrong, or a node is faulty.</summary>
public sealed class WrongSecretException : CustodyException
{
    internal WrongSecretException(
        int attemptsLeft, TimeSpan? delay, bool isCertain, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base(Text(attemptsLeft, delay, isCertain), nodes) => (AttemptsLeft, Delay, IsCertain) = (attemptsLeft, delay, isCertain);

    /// <summary>How many more attempts there are, as the threshold-th highest count over the nodes says.</summary>
    public int AttemptsLeft { get; }

    /// <summary>How long to wait before the next attempt; zero for not at all, null when no node said.</summary>
    public TimeSpan? Delay { get; }

    /// <summary>
    /// Whether it is the secret for sure: 2t-1 nodes gave good answers. With fewer, one of them may have answered falsely, and the same
    /// secret may succeed when more nodes are there (protocol.md section 14).
    /// </summary>
    public bool IsCertain { get; }

    private static string Text(int attemptsLeft, TimeSpan? delay, bool isCertain) =>
        (isCertain ? "the secret is wrong" : "the secret is wrong, or a node is faulty")
        + $"; {attemptsLeft} attempts left"
        + (delay is { } wait && wait > TimeSpan.Zero ? $", the next in {InSeconds(wait)}" : "");
}

/// <summary>No attempt can be made now: nothing was sent that could cost one.</summary>
public sealed class LockedException : CustodyException
{
    internal LockedException(TimeSpan? delay, DateTimeOffset? until, int attemptsLeft, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base(Text(delay), nodes) => (Delay, Until, AttemptsLeft) = (delay, until, attemptsLeft);

    /// <summary>How long until the next attempt; null when the record is exhausted.</summary>
    public TimeSpan? Delay { get; }

    /// <summary>When the next attempt can be made, by this device's clock; null when the record is exhausted.</summary>
    public DateTimeOffset? Until { get; }

    /// <summary>How many attempts are left when the delay is over.</summary>
    public int AttemptsLeft { get; }

    /// <summary>
    /// Whether no attempt is left at too many nodes. Nothing is destroyed: whoever holds the owner key can put a new record in its place
    /// with <c>ReplaceAsync</c> of <see cref="CustodianClient"/>.
    /// </summary>
    public bool IsExhausted => Delay is null;

    /// <inheritdoc/>
    public override bool IsTransient => !IsExhausted;

    private static string Text(TimeSpan? delay) => delay is { } wait
        ? $"after wrong secrets the next attempt has to wait {InSeconds(wait)}"
        : "the record is exhausted: no attempt is left; only the owner key can replace it";
}

/// <summary>The nodes have no record of this user that could be recovered.</summary>
public sealed class RecordNotFoundException : CustodyException
{
    internal RecordNotFoundException(ImmutableArray<NodeId> remains, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base(
            remains.IsEmpty
                ? "no record of this user is kept by this set of custodians"
                : $"what is left of a record of this user at {string.Join(", ", remains)} is too little to recover it",
            nodes) => Remains = remains;

    /// <summary>
    /// Nodes that by their own account hold a record all the same, too few for anybody to recover it: what an interrupted deletion has left.
    /// Until the owner key or these operators delete it, they take no other record of the account (docs/protocol.md, "After a crash").
    /// </summary>
    public ImmutableArray<NodeId> Remains { get; }
}

/// <summary>
/// The secret was right, but the record cannot be opened: whoever enrolled it made it wrongly. The attempts are given back all the same.
/// </summary>
public sealed class DamagedRecordException : CustodyException
{
    internal DamagedRecordException(IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base("the secret is right, but the record does not open: it was made wrongly", nodes)
    {
    }
}
