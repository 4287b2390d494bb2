using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Api;

/// <summary>OVERLOADED: no place in time, nothing charged (protocol.md section 11).</summary>
internal static class Overload
{
    /// <summary>Asks to come again in a second: long enough for a queue to shrink, short enough for someone who waits at a screen.</summary>
    internal static Refusal Refusal { get; } = new(RefusalReason.Overloaded, RetryAfter: TimeSpan.FromSeconds(1));

    /// <summary>Asks to come again when the caller's rate has a permit, and not within the same millisecond.</summary>
    internal static Refusal Until(TimeSpan wait) =>
        new(RefusalReason.Overloaded, RetryAfter: TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(wait.TotalMilliseconds))));
}
