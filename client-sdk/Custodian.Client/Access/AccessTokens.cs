using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// The tokens of one operation: one per node, asked of the application once and again shortly before it ends. All must name one user,
/// since issuer and subject enter the account's name (protocol.md section 3), and with it what the nodes evaluate.
/// </summary>
internal sealed class AccessTokens(CustodianSet set, Func<NodeId, CancellationToken, ValueTask<string>> source, TimeProvider time)
{
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<NodeId, (string Token, DateTimeOffset? Expires)> _tokens = [];
    private readonly Lock _naming = new();
    private string? _issuer;
    private string? _subject;

    /// <summary>The account that the tokens name; null before the first token.</summary>
    internal AccountId? Account { get; private set; }

    /// <summary>Whether two tokens named two users.</summary>
    internal bool Disagree { get; private set; }

    /// <summary>The token for a node.</summary>
    /// <exception cref="NoTokenException">There is none, or it is not the user's, or not for this node alone.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async ValueTask<string> GetAsync(NodeId node, CancellationToken cancellation)
    {
        if (_tokens.TryGetValue(node, out var kept) && (kept.Expires is not { } end || time.GetUtcNow() < end - Leeway))
        {
            return kept.Token;
        }

        string token = await AskAsync(node, cancellation).ConfigureAwait(false);
        TokenClaims claims = TokenClaims.Read(token)
            ?? throw new NoTokenException("no token: what the application gave is not a JWT with iss and sub");

        // A node that got another one's token could use it there as the user until it expires.
        if (claims.Audience != node.Value)
        {
            throw new NoTokenException($"no token: the aud of what the application gave is not {node} alone");
        }

        Name(claims);
        _tokens[node] = (token, claims.Expires);
        return token;
    }

    /// <summary>Forgets a node's token, after the node has rejected it.</summary>
    internal void Forget(NodeId node) => _tokens.TryRemove(node, out _);

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "the application's own function may throw anything")]
    private async ValueTask<string> AskAsync(NodeId node, CancellationToken cancellation)
    {
        try
        {
            return await source(node, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failure)
        {
            throw new NoTokenException($"no token: {failure.Message}", failure);
        }
    }

    private void Name(TokenClaims claims)
    {
        lock (_naming)
        {
            if (Account is null)
            {
                (_issuer, _subject) = (claims.Issuer, claims.Subject);
                Account = AccountId.Derive(set.Id, claims.Issuer, claims.Subject);
            }
            else if (_issuer != claims.Issuer || _subject != claims.Subject)
            {
                Disagree = true;
                throw new NoTokenException("no token: the one for this node names another user than those for the other nodes");
            }
        }
    }
}
