using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>A node's refusal (protocol.md section 13).</summary>
/// <param name="Reason">Why; null when the node gave none that this version knows.</param>
/// <param name="Field">For <see cref="RefusalReason.InvalidRequest"/>: which field. Else null.</param>
/// <param name="Expected">For <see cref="RefusalReason.InvalidRequest"/>: what the field should be. Else null.</param>
/// <param name="RetryAfter">When to come again, where the reason says so.</param>
/// <param name="RequestId">The node's name for the call, to ask its operator about; null when it gave none.</param>
public sealed record NodeRefusal(RefusalReason? Reason, string? Field, string? Expected, TimeSpan? RetryAfter, string? RequestId)
{
    /// <summary>The refusal in one line.</summary>
    public override string ToString() =>
        (Reason?.WireName() ?? "refused")
        + (Field is null ? "" : $": {Field} should be {Expected}")
        + (RetryAfter is { } wait ? $", again in {Math.Ceiling(wait.TotalSeconds):0} s" : "")
        + (RequestId is null ? "" : $" (request {RequestId})");
}
