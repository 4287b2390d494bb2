namespace Custodian.Client;

/// <summary>The counts on which the safety of a change rests (protocol.md section 14). Pure.</summary>
internal static class Majority
{
    /// <summary>
    /// How many nodes must have activated a record before what it replaced may be destroyed: ceil((n+t)/2). Two such groups share t nodes,
    /// so an honest one.
    /// </summary>
    internal static int ToRetire(int nodes, int threshold) => (nodes + threshold + 1) / 2;

    /// <summary>How many nodes must have stored a record before the first Activate: all, or t+1 where the caller allows it.</summary>
    internal static int ToActivate(int nodes, int threshold, bool allowPartial) => allowPartial ? Math.Min(nodes, threshold + 1) : nodes;

    /// <summary>
    /// How many good answers without a fit make sure that the secret was wrong: 2t-1, among which t are honest whoever lies.
    /// </summary>
    internal static int ToBlameTheSecret(int threshold) => (2 * threshold) - 1;
}
