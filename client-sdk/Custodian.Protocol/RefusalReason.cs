namespace Custodian.Protocol;

/// <summary>Why a node refuses a call (protocol.md section 13). <see cref="Refusals"/> maps each to its gRPC status and wire name.</summary>
public enum RefusalReason
{
    /// <summary>A field is outside its form; the refusal names it.</summary>
    InvalidRequest,

    /// <summary>The token is missing, or fails a check of section 12.</summary>
    TokenRejected,

    /// <summary>The token is good but lacks the scope <c>custody</c>.</summary>
    ScopeMissing,

    /// <summary>A signature of section 10 does not verify.</summary>
    BadSignature,

    /// <summary>The key of a Prepare does not open, is another record's, or is older than 15 minutes.</summary>
    SealedKeyRejected,

    /// <summary>The account has no such record.</summary>
    RecordNotFound,

    /// <summary>The record's tombstone is all that is left.</summary>
    RecordDestroyed,

    /// <summary>Another PENDING record stands in the way; comes with RetryInfo.</summary>
    PendingExists,

    /// <summary>The record_id is stored with other content.</summary>
    RecordConflict,

    /// <summary>The generation is not above every live record's, or out of range.</summary>
    StaleGeneration,

    /// <summary>The attempt_id was used with another point, or is settled.</summary>
    AttemptReused,

    /// <summary>The attempt_id was not charged since the last Confirm, or its sequence is another.</summary>
    AttemptUnknown,

    /// <summary>The record is not in the state the call is for.</summary>
    WrongState,

    /// <summary>The delay after wrong attempts still runs; comes with RetryInfo.</summary>
    Delayed,

    /// <summary>No attempt is left.</summary>
    AttemptsExhausted,

    /// <summary>The HSM took no more work in time; nothing was charged; comes with RetryInfo.</summary>
    Overloaded,

    /// <summary>The HSM does not answer.</summary>
    HsmUnavailable,

    /// <summary>The database does not answer.</summary>
    StorageUnavailable,
}
