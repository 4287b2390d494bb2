using System.Collections.Immutable;

namespace Custodian.Protocol;

/// <summary>The one table of protocol.md section 13: reason, wire name, gRPC status code.</summary>
internal static class Refusals
{
    /// <summary>The <c>domain</c> of the <c>google.rpc.ErrorInfo</c> that carries a reason.</summary>
    internal const string Domain = "custodian";

    private const int InvalidArgument = 3;
    private const int NotFound = 5;
    private const int PermissionDenied = 7;
    private const int ResourceExhausted = 8;
    private const int FailedPrecondition = 9;
    private const int Aborted = 10;
    private const int Unavailable = 14;
    private const int Unauthenticated = 16;

    private static readonly ImmutableArray<(RefusalReason Reason, string Name, int Status)> Table =
    [
        (RefusalReason.InvalidRequest, "INVALID_REQUEST", InvalidArgument),
        (RefusalReason.TokenRejected, "TOKEN_REJECTED", Unauthenticated),
        (RefusalReason.ScopeMissing, "SCOPE_MISSING", PermissionDenied),
        (RefusalReason.BadSignature, "BAD_SIGNATURE", PermissionDenied),
        (RefusalReason.SealedKeyRejected, "SEALED_KEY_REJECTED", PermissionDenied),
        (RefusalReason.RecordNotFound, "RECORD_NOT_FOUND", NotFound),
        (RefusalReason.RecordDestroyed, "RECORD_DESTROYED", NotFound),
        (RefusalReason.PendingExists, "PENDING_EXISTS", Aborted),
        (RefusalReason.RecordConflict, "RECORD_CONFLICT", Aborted),
        (RefusalReason.StaleGeneration, "STALE_GENERATION", FailedPrecondition),
        (RefusalReason.AttemptReused, "ATTEMPT_REUSED", FailedPrecondition),
        (RefusalReason.AttemptUnknown, "ATTEMPT_UNKNOWN", FailedPrecondition),
        (RefusalReason.WrongState, "WRONG_STATE", FailedPrecondition),
        (RefusalReason.Delayed, "DELAYED", FailedPrecondition),
        (RefusalReason.AttemptsExhausted, "ATTEMPTS_EXHAUSTED", FailedPrecondition),
        (RefusalReason.Overloaded, "OVERLOADED", ResourceExhausted),
        (RefusalReason.HsmUnavailable, "HSM_UNAVAILABLE", Unavailable),
        (RefusalReason.StorageUnavailable, "STORAGE_UNAVAILABLE", Unavailable),
    ];

    /// <summary>Every reason, in the order of section 13.</summary>
    internal static IEnumerable<RefusalReason> All => Table.Select(row => row.Reason);

    /// <summary>The number of the gRPC status that a refusal for this reason is answered with.</summary>
    internal static int StatusCode(this RefusalReason reason) => Row(reason).Status;

    /// <summary>The <c>reason</c> of the <c>google.rpc.ErrorInfo</c>.</summary>
    internal static string WireName(this RefusalReason reason) => Row(reason).Name;

    /// <summary>Whether section 13 lets the reason come with a <c>google.rpc.RetryInfo</c>.</summary>
    internal static bool HasRetryDelay(this RefusalReason reason) =>
        reason is RefusalReason.PendingExists or RefusalReason.Delayed or RefusalReason.Overloaded;

    /// <summary>Reads a wire name. Returns false for a name that section 13 does not have.</summary>
    internal static bool TryParse(string? wireName, out RefusalReason reason)
    {
        foreach ((RefusalReason candidate, string name, _) in Table)
        {
            if (name == wireName)
            {
                reason = candidate;
                return true;
            }
        }

        reason = default;
        return false;
    }

    private static (RefusalReason Reason, string Name, int Status) Row(RefusalReason reason) => Table[(int)reason];
}
