namespace Custodian.Client;

/// <summary>How a node fared in an operation.</summary>
public enum NodeCondition
{
    /// <summary>It did what was asked.</summary>
    Answered,

    /// <summary>It was asked, and the operation ended before it answered.</summary>
    Unanswered,

    /// <summary>The operation had no question for it.</summary>
    NotAsked,

    /// <summary>It refused; <see cref="NodeOutcome.Refusal"/> says why.</summary>
    Refused,

    /// <summary>It could not be reached, or the connection broke, as often as it was tried.</summary>
    Unreachable,

    /// <summary>It did not answer in time, as often as it was tried.</summary>
    TimedOut,

    /// <summary>Its certificate is not one to trust: someone else may be answering at its address.</summary>
    Untrusted,

    /// <summary>What it answered fails a check: it is broken, or it lies (protocol.md section 14).</summary>
    Faulty,

    /// <summary>The application had no token for it, or one that names another user than the other nodes' tokens do.</summary>
    NoToken,
}
