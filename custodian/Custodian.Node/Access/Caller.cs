using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Access;

/// <summary>Who calls, as the verified token says (protocol.md section 3): never taken from the request.</summary>
internal sealed record Caller(string Issuer, string Subject)
{
    /// <summary>The caller's account at a set.</summary>
    internal AccountId AccountAt(SetId set) => AccountId.Derive(set, Issuer, Subject);
}

/// <summary>The outcome of the one authorisation check of a call: a caller, or TOKEN_REJECTED or SCOPE_MISSING.</summary>
internal sealed record AccessDecision(Caller? Caller, Refusal? Refusal);

/// <summary>The one place where a call's token is checked (protocol.md section 12).</summary>
internal interface IAccessCheck
{
    /// <summary>Checks the call's bearer token. Never throws for anything a caller sent.</summary>
    ValueTask<AccessDecision> CheckAsync(HttpContext context);
}
