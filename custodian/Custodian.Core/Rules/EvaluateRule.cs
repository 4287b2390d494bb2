using System.Security.Cryptography;
using Custodian.Protocol;

namespace Custodian.Core;

/// <summary>One request to evaluate, parsed.</summary>
/// <param name="Record">The record.</param>
/// <param name="Attempt">The client's name for the try.</param>
/// <param name="BlindedDigest">H(blinded), 32 bytes.</param>
internal sealed record EvaluateCall(RecordId Record, AttemptId Attempt, ReadOnlyMemory<byte> BlindedDigest);

/// <summary>Leave to ask the HSM: the charge is part of the same decision, and durable before the HSM is asked.</summary>
/// <param name="Record">The record as it is after the charge.</param>
/// <param name="Sequence">The sequence of the charge.</param>
internal sealed record EvaluateGrant(StoredRecord Record, ulong Sequence);

/// <summary>Evaluate (protocol.md section 11): charge before you evaluate, and take a charge back only when the HSM gave nothing.</summary>
internal static class EvaluateRule
{
    /// <summary>Charges an attempt, or recognises one that was charged before.</summary>
    internal static Decision<EvaluateGrant> Decide(Account account, EvaluateCall call, AttemptPolicy policy, long nowMs)
    {
        if (account.Find(call.Record) is not { } record)
        {
            return Decision<EvaluateGrant>.Refuse(Missing.Reason(account, call.Record));
        }

        if (record.FindCharge(call.Attempt) is { } charged)
        {
            return Resend(account, record, charged, call);
        }

        if (record.ConfirmedAttempt == call.Attempt)
        {
            return Decision<EvaluateGrant>.Refuse(RefusalReason.AttemptReused);
        }

        if (record.AttemptsRemaining == 0)
        {
            return Decision<EvaluateGrant>.Refuse(RefusalReason.AttemptsExhausted);
        }

        TimeSpan wait = policy.WaitFor(record, nowMs);
        return wait > TimeSpan.Zero
            ? Decision<EvaluateGrant>.Refuse(new Refusal(RefusalReason.Delayed, RetryAfter: wait))
            : Charge(account, record, call, nowMs);
    }

    /// <summary>
    /// Takes a charge back after the HSM failed or its process died, and only while it was tried once: any second try may have been
    /// answered. Answers whether it was taken back.
    /// </summary>
    internal static Decision<StateAnswer> Refund(Account account, RecordId recordId, AttemptId attempt, ulong sequence)
    {
        if (account.Find(recordId) is not { } record)
        {
            return Decision<StateAnswer>.Refuse(Missing.Reason(account, recordId));
        }

        if (record.FindCharge(attempt) is not { Evaluations: 1 } charge || charge.Sequence != sequence)
        {
            return Decision<StateAnswer>.Keep(new StateAnswer(record.State, record.AttemptsRemaining));
        }

        StoredRecord refunded = record with { Charges = record.Charges.Remove(charge) };
        return Decision<StateAnswer>.Write(
            new StateAnswer(refunded.State, refunded.AttemptsRemaining),
            account.With(refunded),
            AuditEvent.Of(AuditKind.Refunded, refunded, attempt));
    }

    private static Decision<EvaluateGrant> Charge(Account account, StoredRecord record, EvaluateCall call, long nowMs)
    {
        ulong sequence = record.LastSequence + 1;
        var charge = new Charge(call.Attempt, call.BlindedDigest, nowMs, sequence, Evaluations: 1);
        StoredRecord charged = record with { Charges = record.Charges.Add(charge), LastSequence = sequence };
        return Decision<EvaluateGrant>.Write(
            new EvaluateGrant(charged, sequence), account.With(charged), AuditEvent.Of(AuditKind.Charged, charged, call.Attempt));
    }

    private static Decision<EvaluateGrant> Resend(Account account, StoredRecord record, Charge charged, EvaluateCall call)
    {
        if (!CryptographicOperations.FixedTimeEquals(charged.BlindedDigest.Span, call.BlindedDigest.Span))
        {
            return Decision<EvaluateGrant>.Refuse(RefusalReason.AttemptReused);
        }

        Charge again = charged with { Evaluations = charged.Evaluations == uint.MaxValue ? uint.MaxValue : charged.Evaluations + 1 };
        StoredRecord raised = record with { Charges = record.Charges.Replace(charged, again) };
        return Decision<EvaluateGrant>.Write(
            new EvaluateGrant(raised, charged.Sequence), account.With(raised), AuditEvent.Of(AuditKind.Resent, raised, call.Attempt));
    }
}
