using System.Collections.Frozen;
using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Api;

/// <summary>What the API needs to know of the node it speaks for.</summary>
/// <param name="Node">The node's name, as signatures, headers and HSM blobs bind it.</param>
/// <param name="Sets">The sets the node serves; a request for any other is INVALID_REQUEST (protocol.md section 3).</param>
/// <param name="Attempts">The delays between attempts.</param>
internal sealed record NodeProfile(NodeId Node, FrozenSet<SetId> Sets, AttemptPolicy Attempts)
{
    /// <summary>
    /// How long a call may wait for a place at the HSM and in the store before anything is charged; what waits longer is OVERLOADED.
    /// Default 30 s. Once an attempt is charged nothing cuts the operation short.
    /// </summary>
    internal TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The longest request in bytes. Default 128 KiB, twice the longest valid Deposit, so that one with too long an envelope is still
    /// told which field it is. What is longer is INVALID_REQUEST of the field <c>request</c>, and stays unread.
    /// </summary>
    internal int MaxRequestBytes { get; init; } = 128 * 1024;
}
