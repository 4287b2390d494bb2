using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Custodian.Node.Access;

/// <summary>
/// Tokens that were verified, by their digest: a client sends one with every call of a recovery. What is remembered holds as long as the keys
/// that verified it are those in use; its times are looked at with every call. Tokens themselves are not kept. Thread-safe.
/// </summary>
/// <param name="capacity">How many are remembered at least before the oldest go; twice as many at most.</param>
internal sealed class VerifiedTokens(int capacity)
{
    private readonly Lock _turning = new();
    private volatile ConcurrentDictionary<TokenDigest, VerifiedToken> _newer = [];
    private volatile ConcurrentDictionary<TokenDigest, VerifiedToken> _older = [];

    /// <summary>What was verified; whether its keys are still in use is for the caller to see.</summary>
    internal VerifiedToken? Find(in TokenDigest digest, DateTimeOffset now) =>
        (_newer.TryGetValue(digest, out VerifiedToken? known) || _older.TryGetValue(digest, out known)) && TokenRules.TimesHold(known.Times, now)
            ? known
            : null;

    internal void Add(in TokenDigest digest, VerifiedToken token)
    {
        ConcurrentDictionary<TokenDigest, VerifiedToken> newer = _newer;
        newer[digest] = token;
        if (newer.Count < capacity)
        {
            return;
        }

        lock (_turning)
        {
            if (_newer == newer)
            {
                (_older, _newer) = (newer, []);
            }
        }
    }
}

/// <summary>A token that was verified.</summary>
/// <param name="Scheme">Its issuer's scheme.</param>
/// <param name="Keys">The issuer's configuration that it was verified with: another object once there are other keys.</param>
/// <param name="Times">When it holds.</param>
/// <param name="Decision">Who calls with it.</param>
internal sealed record VerifiedToken(IssuerScheme Scheme, object Keys, TokenTimes Times, AccessDecision Decision);

/// <summary>SHA-256 of a token.</summary>
internal readonly record struct TokenDigest(UInt128 Left, UInt128 Right)
{
    internal static TokenDigest Of(ReadOnlySpan<char> token)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(token), digest);
        return MemoryMarshal.Read<TokenDigest>(digest);
    }
}
