using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>The answers that protocol.md section 13 allows.</summary>
internal static class Documented
{
    private static readonly Dictionary<string, StatusCode> Statuses = new()
    {
        ["INVALID_REQUEST"] = StatusCode.InvalidArgument,
        ["TOKEN_REJECTED"] = StatusCode.Unauthenticated,
        ["SCOPE_MISSING"] = StatusCode.PermissionDenied,
        ["BAD_SIGNATURE"] = StatusCode.PermissionDenied,
        ["SEALED_KEY_REJECTED"] = StatusCode.PermissionDenied,
        ["RECORD_NOT_FOUND"] = StatusCode.NotFound,
        ["RECORD_DESTROYED"] = StatusCode.NotFound,
        ["PENDING_EXISTS"] = StatusCode.Aborted,
        ["RECORD_CONFLICT"] = StatusCode.Aborted,
        ["STALE_GENERATION"] = StatusCode.FailedPrecondition,
        ["ATTEMPT_REUSED"] = StatusCode.FailedPrecondition,
        ["ATTEMPT_UNKNOWN"] = StatusCode.FailedPrecondition,
        ["WRONG_STATE"] = StatusCode.FailedPrecondition,
        ["DELAYED"] = StatusCode.FailedPrecondition,
        ["ATTEMPTS_EXHAUSTED"] = StatusCode.FailedPrecondition,
        ["OVERLOADED"] = StatusCode.ResourceExhausted,
    };

    /// <summary>The reason of a refusal; fails when it is none of section 13, or came with another status than that section says.</summary>
    /// <param name="status">The gRPC status.</param>
    /// <param name="details">grpc-status-details-bin, if it came.</param>
    /// <param name="what">What was sent, for the failure.</param>
    internal static string Refusal(StatusCode status, byte[]? details, object what)
    {
        Assert.True(details is not null, $"{status} without details, for {what}");
        ErrorInfo? why = Protocol.Wire.Status.Parser.ParseFrom(details).Details
            .SingleOrDefault(d => d.Is(ErrorInfo.Descriptor))?.Unpack<ErrorInfo>();
        Assert.True(why is { Domain: Refusals.Domain }, $"{status} without a reason, for {what}");
        Assert.True(Statuses.GetValueOrDefault(why.Reason) == status, $"{why.Reason} with {status}, for {what}");
        return why.Reason;
    }
}
