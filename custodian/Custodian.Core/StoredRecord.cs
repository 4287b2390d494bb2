using System.Collections.Immutable;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Core;

/// <summary>One attempt that was charged since the last Confirm (protocol.md section 11).</summary>
/// <param name="Attempt">The client's name for the try.</param>
/// <param name="BlindedDigest">H(blinded), 32 bytes: a resend must bring the same point.</param>
/// <param name="ChargedMs">When it was charged, Unix milliseconds of this node's clock.</param>
/// <param name="Sequence">The record's sequence number of this charge.</param>
/// <param name="Evaluations">How often it was answered or tried to be: the first time and every resend.</param>
internal sealed record Charge(AttemptId Attempt, ReadOnlyMemory<byte> BlindedDigest, long ChargedMs, ulong Sequence, uint Evaluations);

/// <summary>Who signed that this record may replace another.</summary>
/// <param name="Replaced">The record whose owner key signed.</param>
/// <param name="Signature">64 bytes, r || s.</param>
internal sealed record Replacement(RecordId Replaced, ReadOnlyMemory<byte> Signature);

/// <summary>A live record: what was deposited, which never changes but for the key it is sealed under, and its state and counters, which do.</summary>
internal sealed record StoredRecord
{
    internal required Header Header { get; init; }

    /// <summary>{wrapped k_i, its public point, masked share}, sealed by the HSM; opaque here. Exchanged only for the same under a newer key.</summary>
    internal required ReadOnlyMemory<byte> SealedPart { get; init; }

    /// <summary>H(masked_i), 32 bytes: tells a Deposit sent again from another one.</summary>
    internal required ReadOnlyMemory<byte> MaskedShareDigest { get; init; }

    internal required ReadOnlyMemory<byte> Envelope { get; init; }

    /// <summary>64 bytes, r || s.</summary>
    internal required ReadOnlyMemory<byte> DepositSignature { get; init; }

    internal Replacement? Replacement { get; init; }

    /// <summary>When the record was stored, Unix milliseconds of this node's clock.</summary>
    internal required long StoredMs { get; init; }

    internal required RecordState State { get; init; }

    /// <summary>The attempts charged since the last Confirm, oldest first.</summary>
    internal ImmutableArray<Charge> Charges { get; init; } = [];

    /// <summary>The highest sequence ever given; never goes back, not even when a charge is taken back.</summary>
    internal ulong LastSequence { get; init; }

    /// <summary>The attempt of the last Confirm, if there was one.</summary>
    internal AttemptId? ConfirmedAttempt { get; init; }

    /// <summary>The sequence of the last Confirm, 0 before the first.</summary>
    internal ulong ConfirmedSequence { get; init; }

    internal RecordId Id => Header.RecordId;

    internal uint AttemptsUsed => (uint)Charges.Length;

    /// <summary>Attempts left before the record is exhausted; 0 also when a lowered limit is already passed.</summary>
    internal uint AttemptsRemaining => (uint)Math.Max(Header.MaxAttempts - Charges.Length, 0);

    internal Charge? FindCharge(AttemptId attempt) => Charges.FirstOrDefault(c => c.Attempt == attempt);
}
