using System.Buffers;
using System.Security.Claims;
using System.Text.Unicode;
using Custodian.Core;
using Custodian.Protocol;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Custodian.Node.Access;

/// <summary>What protocol.md section 12 asks of a token beyond its signature. Pure.</summary>
internal static class TokenRules
{
    /// <summary>The longest life of a token, <c>exp - iat</c>.</summary>
    internal static readonly TimeSpan LongestLife = TimeSpan.FromHours(1);

    /// <summary>How far clocks may differ.</summary>
    internal static readonly TimeSpan Leeway = TimeSpan.FromSeconds(30);

    /// <summary>The scope that lets a token use this service.</summary>
    internal const string Scope = "custody";

    /// <summary>The longest issuer or subject, in characters.</summary>
    internal const int LongestName = 1024;

    /// <summary>The signature algorithms that are taken: never <c>none</c>, never HS*.</summary>
    internal static readonly string[] Algorithms =
        [SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSsaPssSha256];

    /// <summary>The token's times; null when one is missing that must be there.</summary>
    internal static TokenTimes? TimesOf(JsonWebToken token) =>
        token.TryGetPayloadValue(JwtRegisteredClaimNames.Iat, out long issued) && token.TryGetPayloadValue(JwtRegisteredClaimNames.Exp, out long expires)
            ? new TokenTimes(issued, expires, token.TryGetPayloadValue(JwtRegisteredClaimNames.Nbf, out long notBefore) ? notBefore : null)
            : null;

    /// <summary>Whether a token's times hold at <paramref name="now"/>: not expired, not from the future, life at most an hour.</summary>
    internal static bool TimesHold(TokenTimes times, DateTimeOffset now)
    {
        (long issued, long expires, long? notBefore) = times;
        long at = now.ToUnixTimeSeconds();
        long leeway = (long)Leeway.TotalSeconds;
        bool started = notBefore is not { } start || start - leeway <= at;
        return issued is >= 0 and <= uint.MaxValue && expires is >= 0 and <= uint.MaxValue
            && started && issued - leeway <= at && at < expires + leeway
            && expires > issued && expires - issued <= (long)LongestLife.TotalSeconds;
    }

    /// <summary>Whether the token is for this node and no other: one rogue node must not be able to use it at the next.</summary>
    internal static bool IsForNodeAlone(IEnumerable<string> audiences, NodeId node) => audiences.ToList() is [var only] && only == node.Value;

    /// <summary>The caller of verified claims, or why there is none.</summary>
    internal static AccessDecision CallerOf(ClaimsPrincipal principal)
    {
        if (Single(principal, JwtRegisteredClaimNames.Iss) is not { } issuer || Single(principal, JwtRegisteredClaimNames.Sub) is not { } subject)
        {
            return new AccessDecision(null, new Refusal(RefusalReason.TokenRejected));
        }

        bool scoped = Single(principal, "scope") is { } scopes && scopes.Split(' ').Contains(Scope, StringComparer.Ordinal);
        return scoped
            ? new AccessDecision(new Caller(issuer, subject), null)
            : new AccessDecision(null, new Refusal(RefusalReason.ScopeMissing));
    }

    private static string? Single(ClaimsPrincipal principal, string type) =>
        principal.FindAll(type).ToList() is [{ Value: { Length: > 0 and <= LongestName } value }] && HasUtf8Form(value) ? value : null;

    /// <summary>JSON can spell unpaired surrogates. They have no form in UTF-8, so that no account_id can be derived from them.</summary>
    private static bool HasUtf8Form(string value)
    {
        Span<byte> utf8 = stackalloc byte[3 * LongestName];
        return Utf8.FromUtf16(value, utf8, out _, out _, replaceInvalidSequences: false) == OperationStatus.Done;
    }
}

/// <summary>When a token holds, in seconds of Unix time.</summary>
/// <param name="Issued"><c>iat</c>.</param>
/// <param name="Expires"><c>exp</c>.</param>
/// <param name="NotBefore"><c>nbf</c>, which may be missing.</param>
internal readonly record struct TokenTimes(long Issued, long Expires, long? NotBefore);
