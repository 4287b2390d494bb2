using System.Security.Cryptography;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>A Deposit whose fields have been parsed; nothing about the account has been checked yet.</summary>
internal sealed record Deposit
{
    internal required Header Header { get; init; }

    /// <summary>masked_i, 32 bytes.</summary>
    internal required ReadOnlyMemory<byte> MaskedShare { get; init; }

    internal required ReadOnlyMemory<byte> Envelope { get; init; }

    internal required ReadOnlyMemory<byte> DepositSignature { get; init; }

    internal Replacement? Replacement { get; init; }

    internal RecordId? ReplacesPending { get; init; }
}

/// <summary>
/// Deposit (protocol.md section 11), in the three steps a node takes: <see cref="Known"/> and <see cref="Verify"/> before the HSM is
/// asked to open the sealed key, <see cref="Decide"/> when the record is sealed.
/// </summary>
internal static class DepositRule
{
    /// <summary>
    /// Checked before all else: the answer to a Deposit whose record_id the node has stored before, or null for a new one. Signatures
    /// are left aside, since ECDSA is randomised and a resend may carry others.
    /// </summary>
    internal static Decision<StateAnswer>? Known(Account account, Deposit deposit)
    {
        if (account.FindTombstone(deposit.Header.RecordId) is not null)
        {
            return Decision<StateAnswer>.Refuse(RefusalReason.RecordDestroyed);
        }

        if (account.Find(deposit.Header.RecordId) is not { } stored)
        {
            return null;
        }

        bool same = stored.Header.Hash.Span.SequenceEqual(deposit.Header.Hash.Span)
            && CryptographicOperations.FixedTimeEquals(stored.MaskedShareDigest.Span, SHA256.HashData(deposit.MaskedShare.Span));
        return same
            ? Decision<StateAnswer>.Keep(new StateAnswer(stored.State, stored.AttemptsRemaining))
            : Decision<StateAnswer>.Refuse(RefusalReason.RecordConflict);
    }

    /// <summary>What can be checked without the account: the envelope's digest and the new owner key's signature. Null when both hold.</summary>
    internal static Refusal? Verify(Deposit deposit, AccountId account, NodeId node)
    {
        Header header = deposit.Header;
        if (!header.EnvelopeDigest.Span.SequenceEqual(SHA256.HashData(deposit.Envelope.Span)))
        {
            return Refusal.Invalid("envelope", "bytes whose SHA-256 is the header's envelope_digest");
        }

        byte[] body = SignatureBody.Deposit(header.Hash.Span, deposit.MaskedShare.Span);
        var place = new SignedPlace(node, account, header.RecordId);
        return place.IsSigned(SignaturePurpose.Deposit, header.OwnerPublicKey, body, deposit.DepositSignature)
            ? null
            : new Refusal(RefusalReason.BadSignature);
    }

    /// <summary>What depends on the account, before the sealed key is opened: null when the record may be stored.</summary>
    internal static Refusal? Check(Account account, Deposit deposit, AccountId accountId, NodeId node, long nowMs) =>
        CheckGeneration(account, deposit.Header.Generation)
        ?? CheckReplacement(account, deposit, accountId, node)
        ?? CheckPending(account, deposit, nowMs)
        ?? CheckRoom(account);

    /// <summary>Stores the record as PENDING; a PENDING one that it names gives way.</summary>
    internal static Decision<StateAnswer> Decide(
        Account account, Deposit deposit, ReadOnlyMemory<byte> sealedPart, AccountId accountId, NodeId node, long nowMs)
    {
        if (Known(account, deposit) is { } known)
        {
            return known;
        }

        if (Check(account, deposit, accountId, node, nowMs) is { } refusal)
        {
            return Decision<StateAnswer>.Refuse(refusal);
        }

        StoredRecord record = NewRecord(deposit, sealedPart, nowMs);
        Account room = account.Pending is { } displaced ? account.Destroy(displaced, DestroyReason.Replaced) : account;
        return Decision<StateAnswer>.Write(
            new StateAnswer(record.State, record.AttemptsRemaining), room.Add(record), AuditEvent.Of(AuditKind.Deposited, record));
    }

    private static StoredRecord NewRecord(Deposit deposit, ReadOnlyMemory<byte> sealedPart, long nowMs) => new()
    {
        Header = deposit.Header,
        SealedPart = sealedPart,
        MaskedShareDigest = SHA256.HashData(deposit.MaskedShare.Span),
        Envelope = deposit.Envelope,
        DepositSignature = deposit.DepositSignature,
        Replacement = deposit.Replacement,
        StoredMs = nowMs,
        State = RecordState.Pending,
    };

    private static Refusal? CheckGeneration(Account account, ulong generation)
    {
        if (generation > account.HighestGeneration + Limits.MaxGenerationStep)
        {
            return Refusal.Invalid("header.generation", "at most 2^33 above the highest generation of the account at this node");
        }

        bool above = account.Records
            .Where(r => r.State != RecordState.Pending)
            .All(r => generation > r.Header.Generation);
        return above && generation > account.ForgottenGeneration ? null : new Refusal(RefusalReason.StaleGeneration);
    }

    private static Refusal? CheckReplacement(Account account, Deposit deposit, AccountId accountId, NodeId node)
    {
        if (account.Records.All(r => r.State == RecordState.Pending))
        {
            return null;
        }

        if (deposit.Replacement is not { } replacement
            || account.Find(replacement.Replaced) is not { State: not RecordState.Pending } replaced)
        {
            return new Refusal(RefusalReason.BadSignature);
        }

        byte[] body = SignatureBody.Replace(deposit.Header.Hash.Span);
        var place = new SignedPlace(node, accountId, deposit.Header.RecordId);
        return place.IsSigned(SignaturePurpose.Replace, replaced.Header.OwnerPublicKey, body, replacement.Signature)
            ? null
            : new Refusal(RefusalReason.BadSignature);
    }

    private static Refusal? CheckPending(Account account, Deposit deposit, long nowMs)
    {
        if (account.Pending is not { } pending)
        {
            return null;
        }

        // A stored time in the future counts as now, as for charges.
        TimeSpan age = TimeSpan.FromMilliseconds(nowMs - Math.Min(pending.StoredMs, nowMs));
        bool isOld = age > Limits.PendingProtection;
        if (isOld && deposit.ReplacesPending == pending.Id)
        {
            return null;
        }

        // The hold ends after its last millisecond: whoever came at the exact end would be refused once more.
        TimeSpan wait = isOld ? TimeSpan.Zero : Limits.PendingProtection - age + TimeSpan.FromMilliseconds(1);
        return new Refusal(RefusalReason.PendingExists, RetryAfter: wait);
    }

    /// <summary>A client that finds no room retires what is SUPERSEDED first, under the ACTIVE record's owner key.</summary>
    private static Refusal? CheckRoom(Account account)
    {
        int others = account.Records.Count(r => r.State != RecordState.Pending);
        return others < Limits.MaxLiveRecords ? null : new Refusal(RefusalReason.WrongState);
    }
}
