using System.Collections.Immutable;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol;

/// <summary>
/// The checks of protocol.md section 9 that a header fails or passes by itself. Each rule returns the fault it finds, or null.
/// </summary>
internal static class HeaderRules
{
    /// <summary>Applies every rule; the typed values when none finds a fault.</summary>
    internal static FieldFault? Apply(RecordHeader message, out HeaderFields? fields)
    {
        ImmutableArray<HeaderParticipant> participants = [];
        StretchParameters? kdf = null;
        FieldFault? fault = CheckNames(message, out SetId set, out AccountId account, out RecordId record)
            ?? CheckNumbers(message)
            ?? CheckParticipants(message, out participants)
            ?? CheckKdf(message.Kdf, out kdf)
            ?? CheckBytes(message);
        fields = fault is not null ? null : new HeaderFields
        {
            SetId = set,
            AccountId = account,
            RecordId = record,
            Generation = message.Generation,
            CreatedUnixMs = message.CreatedUnixMs,
            Threshold = (int)message.Threshold,
            Participants = participants,
            Kdf = kdf!,
            Commitment = message.Commitment.Memory,
            OwnerPublicKey = message.OwnerPublicKey.Memory,
            ConfirmPublicKey = message.ConfirmPublicKey.Memory,
            MaxAttempts = (int)message.MaxAttempts,
            EnvelopeDigest = message.EnvelopeDigest.Memory,
        };
        return fault;
    }

    private static FieldFault? CheckNames(RecordHeader message, out SetId set, out AccountId account, out RecordId record)
    {
        bool isSet = SetId.TryParse(message.SetId, out set);
        bool isAccount = AccountId.TryRead(message.AccountId.Span, out account);
        bool isRecord = RecordId.TryRead(message.RecordId.Span, out record);
        return FaultUnless(message.Version == Limits.Version, "header.version", "1")
            ?? FaultUnless(isSet, "header.set_id", DnsLikeName.Form)
            ?? FaultUnless(isAccount, "header.account_id", "32 bytes")
            ?? FaultUnless(isRecord, "header.record_id", "16 bytes");
    }

    private static FieldFault? CheckNumbers(RecordHeader message)
    {
        int nodes = message.Participants.Count;
        return FaultUnless(message.Generation is >= 1 and <= Limits.MaxGeneration, "header.generation", "1 to 2^62")
            ?? FaultUnless(nodes is >= 1 and <= Limits.MaxParticipants, "header.participants", "1 to 16 nodes")
            ?? FaultUnless(
                message.Threshold <= (uint)nodes && 2 * message.Threshold > (uint)nodes,
                "header.threshold",
                "at most the number of participants and more than half of it")
            ?? FaultUnless(message.MaxAttempts is >= Limits.MinAttempts and <= Limits.MaxAttempts, "header.max_attempts", "1 to 100");
    }

    private static FieldFault? CheckParticipants(RecordHeader message, out ImmutableArray<HeaderParticipant> participants)
    {
        var found = ImmutableArray.CreateBuilder<HeaderParticipant>(message.Participants.Count);
        participants = [];
        foreach (Participant participant in message.Participants)
        {
            if (CheckParticipant(participant, out HeaderParticipant typed) is { } fault)
            {
                return fault;
            }

            found.Add(typed);
        }

        participants = found.MoveToImmutable();
        return FaultUnless(AreDistinct(participants, p => p.Node), "header.participants.node_id", "distinct")
            ?? FaultUnless(AreDistinct(participants, p => p.Index), "header.participants.index", "distinct");
    }

    private static FieldFault? CheckParticipant(Participant participant, out HeaderParticipant typed)
    {
        bool isNode = NodeId.TryParse(participant.NodeId, out NodeId node);
        bool isIndex = participant.Index is >= 1 and <= byte.MaxValue;
        typed = isIndex ? new HeaderParticipant(node, (byte)participant.Index) : default;
        return FaultUnless(isNode, "header.participants.node_id", DnsLikeName.Form)
            ?? FaultUnless(isIndex, "header.participants.index", "1 to 255");
    }

    private static bool AreDistinct<TKey>(ImmutableArray<HeaderParticipant> participants, Func<HeaderParticipant, TKey> key) =>
        participants.DistinctBy(key).Count() == participants.Length;

    private static FieldFault? CheckKdf(Wire.KdfParameters? message, out StretchParameters? kdf)
    {
        kdf = message is null ? null : new StretchParameters(
            [.. message.Salt.Span], Saturate(message.MemoryKib), Saturate(message.Iterations), Saturate(message.Parallelism));
        return kdf is null ? new FieldFault("header.kdf", "present") : kdf.Fault();
    }

    // Larger than any bound all the same.
    private static int Saturate(uint value) => (int)Math.Min(value, int.MaxValue);

    private static FieldFault? CheckBytes(RecordHeader message) =>
        FaultUnless(message.Commitment.Length == Limits.WordSize, "header.commitment", "32 bytes")
        ?? FaultUnless(message.EnvelopeDigest.Length == Limits.WordSize, "header.envelope_digest", "32 bytes")
        ?? FaultUnless(IsPoint(message.OwnerPublicKey), "header.owner_public_key", "a P-256 point, 33 bytes, SEC1 compressed")
        ?? FaultUnless(IsPoint(message.ConfirmPublicKey), "header.confirm_public_key", "a P-256 point, 33 bytes, SEC1 compressed");

    private static bool IsPoint(ByteString sec1) => P256.IsCompressedPoint(sec1.Span);

    private static FieldFault? FaultUnless(bool holds, string field, string expected) =>
        holds ? null : new FieldFault(field, expected);
}
