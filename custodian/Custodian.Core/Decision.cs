using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>What happened, as the audit log tells it. The values are stored: never renumber.</summary>
internal enum AuditKind : byte
{
    /// <summary>A record was stored as PENDING.</summary>
    Deposited = 1,

    /// <summary>A PENDING record became ACTIVE by Activate.</summary>
    Activated = 2,

    /// <summary>An attempt was charged.</summary>
    Charged = 3,

    /// <summary>A charged attempt was sent again and is answered again.</summary>
    Resent = 4,

    /// <summary>A charge was taken back because the HSM failed.</summary>
    Refunded = 5,

    /// <summary>The attempts were set to zero by someone who reconstructed the recovery key.</summary>
    Confirmed = 6,

    /// <summary>A SUPERSEDED record was destroyed.</summary>
    Retired = 7,

    /// <summary>A record was deleted under its owner key, an ACTIVE one with all others of its account.</summary>
    Deleted = 8,

    /// <summary>The operator looked at the account's records.</summary>
    ShownToOperator = 9,

    /// <summary>The operator destroyed the account's records.</summary>
    DestroyedByOperator = 10,

    /// <summary>The database was restored from a copy: the account's records have at most one attempt until their next Confirm.</summary>
    Restored = 11,

    /// <summary>The node brought a record's sealed part under a newer key of its HSM. Nothing that a caller sees changed.</summary>
    Resealed = 12,
}

/// <summary>The one audit entry of a decision that changes something.</summary>
internal sealed record AuditEvent(AuditKind Kind, RecordId Record, ulong Generation, AttemptId? Attempt, uint AttemptsUsed)
{
    internal static AuditEvent Of(AuditKind kind, StoredRecord record, AttemptId? attempt = null) =>
        new(kind, record.Id, record.Header.Generation, attempt, record.AttemptsUsed);
}

/// <summary>A refusal by rule (protocol.md section 13).</summary>
/// <param name="Reason">Why.</param>
/// <param name="Fault">For INVALID_REQUEST: which field, and what it should be.</param>
/// <param name="RetryAfter">When to come again, where the reason says so.</param>
internal sealed record Refusal(RefusalReason Reason, FieldFault? Fault = null, TimeSpan? RetryAfter = null)
{
    internal static Refusal Invalid(string field, string expected) => new(RefusalReason.InvalidRequest, new FieldFault(field, expected));
}

/// <summary>What a decision writes: the account as it shall be, and the audit entry, in one transaction.</summary>
internal sealed record Change(Account Next, AuditEvent Event);

/// <summary>The outcome of a rule: a refusal, or an answer with or without a change. A refusal changes nothing.</summary>
internal sealed record Decision<T>
    where T : class
{
    private Decision(Refusal? refusal, Change? change, T? answer) => (Refusal, Change, Answer) = (refusal, change, answer);

    /// <summary>Why not, or null.</summary>
    internal Refusal? Refusal { get; }

    /// <summary>What to write before answering, or null.</summary>
    internal Change? Change { get; }

    /// <summary>What to answer; null exactly when refused.</summary>
    internal T? Answer { get; }

    internal static Decision<T> Refuse(Refusal refusal) => new(refusal, null, null);

    internal static Decision<T> Refuse(RefusalReason reason) => new(new Refusal(reason), null, null);

    internal static Decision<T> Keep(T answer) => new(null, null, answer);

    internal static Decision<T> Write(T answer, Account next, AuditEvent entry) => new(null, new Change(next, entry), answer);
}

/// <summary>The answer of Deposit, Activate, Confirm, Retire and Delete: the record's state, and its attempts where they matter.</summary>
internal sealed record StateAnswer(RecordState State, uint AttemptsRemaining);
