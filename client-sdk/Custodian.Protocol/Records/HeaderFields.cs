using System.Collections.Immutable;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol;

/// <summary>The values of a record's header (protocol.md section 12, <c>RecordHeader</c>), typed; what is not listed here is the version, 1.</summary>
internal sealed record HeaderFields
{
    /// <summary>The set.</summary>
    internal required SetId SetId { get; init; }

    /// <summary>The account.</summary>
    internal required AccountId AccountId { get; init; }

    /// <summary>The record.</summary>
    internal required RecordId RecordId { get; init; }

    /// <summary>1..2^62, higher for each next record of an account (section 3).</summary>
    internal required ulong Generation { get; init; }

    /// <summary>When the client says it made the record, in ms since 1970 UTC. Nothing depends on it, and any value is accepted.</summary>
    internal required long CreatedUnixMs { get; init; }

    /// <summary>t: how many shares give the recovery key; t &lt;= n and 2t &gt; n.</summary>
    internal required int Threshold { get; init; }

    /// <summary>The nodes, in the header's order; n is their number, 1..16.</summary>
    internal required ImmutableArray<HeaderParticipant> Participants { get; init; }

    /// <summary>How the user's secret is stretched (section 5).</summary>
    internal required StretchParameters Kdf { get; init; }

    /// <summary>The commitment to the recovery key (section 7), 32 bytes.</summary>
    internal required ReadOnlyMemory<byte> Commitment { get; init; }

    /// <summary>The owner key (section 7), SEC1 compressed, 33 bytes.</summary>
    internal required ReadOnlyMemory<byte> OwnerPublicKey { get; init; }

    /// <summary>The confirm key (section 7), SEC1 compressed, 33 bytes.</summary>
    internal required ReadOnlyMemory<byte> ConfirmPublicKey { get; init; }

    /// <summary>How many attempts a run without Confirm has, 1..100.</summary>
    internal required int MaxAttempts { get; init; }

    /// <summary>H(envelope), 32 bytes (section 9).</summary>
    internal required ReadOnlyMemory<byte> EnvelopeDigest { get; init; }

    /// <summary>The message of section 12. Values out of range stay so: <see cref="HeaderRules"/> finds them.</summary>
    internal RecordHeader ToMessage()
    {
        RecordHeader message = new()
        {
            Version = Limits.Version,
            SetId = SetId.Value,
            AccountId = ByteString.CopyFrom(AccountId.ToArray()),
            RecordId = ByteString.CopyFrom(RecordId.ToArray()),
            Generation = Generation,
            CreatedUnixMs = CreatedUnixMs,
            Threshold = unchecked((uint)Threshold),
            Kdf = new Wire.KdfParameters
            {
                Salt = ByteString.CopyFrom(Kdf.Salt.AsSpan()),
                MemoryKib = unchecked((uint)Kdf.MemoryKib),
                Iterations = unchecked((uint)Kdf.Iterations),
                Parallelism = unchecked((uint)Kdf.Parallelism),
            },
            Commitment = ByteString.CopyFrom(Commitment.Span),
            OwnerPublicKey = ByteString.CopyFrom(OwnerPublicKey.Span),
            MaxAttempts = unchecked((uint)MaxAttempts),
            EnvelopeDigest = ByteString.CopyFrom(EnvelopeDigest.Span),
            ConfirmPublicKey = ByteString.CopyFrom(ConfirmPublicKey.Span),
        };
        message.Participants.AddRange(Participants.Select(p => new Participant { NodeId = p.Node.Value, Index = p.Index }));
        return message;
    }
}
