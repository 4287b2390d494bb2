using Custodian.Protocol;

namespace Custodian.Cli.Tokens;

/// <summary>Where the access tokens come from, one per node (protocol.md section 12). Called again when a token has ended.</summary>
internal abstract class TokenSource
{
    /// <summary>The token for a node.</summary>
    /// <exception cref="IOException">There is none; the message says why, in a form to show.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal abstract ValueTask<string> GetAsync(NodeId node, CancellationToken cancellation);
}
