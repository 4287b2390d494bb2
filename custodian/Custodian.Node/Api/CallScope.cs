namespace Custodian.Node.Api;

/// <summary>What a call knows of itself while it runs.</summary>
/// <param name="RequestId">Its name in the log and in its refusal.</param>
/// <param name="Waiting">
/// Ends when the caller has gone, its deadline is over, or <see cref="NodeProfile.LongestWait"/> is. For waiting only: an operation that
/// has charged an attempt goes on without it.
/// </param>
internal sealed record CallScope(string RequestId, CancellationToken Waiting);
