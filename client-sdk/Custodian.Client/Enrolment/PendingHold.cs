using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What another enrolment's PENDING records mean for one that comes after (protocol.md section 11). Pure.</summary>
internal static class PendingHold
{
    /// <summary>For how long section 11 keeps a PENDING record from being displaced.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    /// <summary>Of a node that was not asked to let its PENDING record go, because others had refused already.</summary>
    internal static NodeOutcome LeftAlone { get; } =
        NodeOutcome.NotAsked("holds another enrolment's record, which gives way only when the other nodes take the new one");

    /// <summary>
    /// How long until as many nodes as are missing let go of their PENDING records, so that one that lies counts no more than one that is
    /// lost; null when that many do not have one, for then waiting does not help.
    /// </summary>
    internal static TimeSpan? WaitFor(int missing, IEnumerable<NodeOutcome> outcomes)
    {
        TimeSpan[] waits = [.. outcomes
            .Where(o => o.Refusal?.Reason == RefusalReason.PendingExists || o == LeftAlone)
            .Select(o => o.Refusal?.RetryAfter ?? TimeSpan.Zero)
            .Order()];
        return missing > waits.Length ? null
            : waits[missing - 1] < s_longest ? waits[missing - 1]
            : s_longest;
    }
}
