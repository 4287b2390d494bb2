using Custodian.Core;
using Custodian.Node.Access;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Microsoft.AspNetCore.Http;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>Takes the bearer token for the subject's name: what a token must be is tested elsewhere.</summary>
internal sealed class TestAccess : IAccessCheck
{
    internal const string WithoutScope = "without-scope";

    private const string Bearer = "Bearer ";

    private int _checks;

    /// <summary>How many tokens were looked at.</summary>
    internal int Checks => _checks;

    public ValueTask<AccessDecision> CheckAsync(HttpContext context)
    {
        Interlocked.Increment(ref _checks);
        string header = context.Request.Headers.Authorization.ToString();
        AccessDecision decision = header switch
        {
            Bearer + WithoutScope => new(null, new Refusal(RefusalReason.ScopeMissing)),
            _ when header.StartsWith(Bearer, StringComparison.Ordinal) => new(new Caller(ClientRecord.Issuer, header[Bearer.Length..]), null),
            _ => new(null, new Refusal(RefusalReason.TokenRejected)),
        };
        return ValueTask.FromResult(decision);
    }
}
