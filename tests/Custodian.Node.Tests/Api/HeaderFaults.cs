using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Tests.Api;

/// <summary>Headers that a node must refuse, one for each check of protocol.md section 9.</summary>
internal static class HeaderFaults
{
    internal static IEnumerable<(string Field, string Wrong, byte[] Header)> All(ClientRecord record) =>
        [.. Spoilt(record).Select(f => (f.Field, f.Wrong, Changed(record, f.Spoil))), .. Malformed(record)];

    private static IEnumerable<(string Field, string Wrong, Action<RecordHeader> Spoil)> Spoilt(ClientRecord record)
    {
        AccountId stranger = AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, "another user");
        return
        [
            ("header.version", "0", h => h.Version = 0),
            ("header.version", "2", h => h.Version = 2),
            ("header.set_id", "no name", h => h.SetId = "A"),
            ("header.set_id", "another set", h => h.SetId = "acme-test"),
            ("header.account_id", "31 bytes", h => h.AccountId = Bytes(31)),
            ("header.account_id", "another account", h => h.AccountId = ByteString.CopyFrom(stranger.ToArray())),
            ("header.record_id", "15 bytes", h => h.RecordId = Bytes(15)),
            ("header.record_id", "17 bytes", h => h.RecordId = Bytes(17)),
            ("header.generation", "0", h => h.Generation = 0),
            ("header.generation", "2^62 + 1", h => h.Generation = (1UL << 62) + 1),
            ("header.threshold", "0", h => h.Threshold = 0),
            ("header.threshold", "1 of 3", h => h.Threshold = 1),
            ("header.threshold", "4 of 3", h => h.Threshold = 4),
            ("header.threshold", "the largest", h => h.Threshold = uint.MaxValue),
            ("header.threshold", "2 of 4", h => h.Participants.Add(new Participant { NodeId = "node-d.example", Index = 4 })),
            ("header.participants", "none", h => h.Participants.Clear()),
            ("header.participants", "17", Crowd),
            ("header.participants", "without this node", h => h.Participants[0].NodeId = "node-z.example"),
            ("header.participants.node_id", "no name", h => h.Participants[1].NodeId = "B"),
            ("header.participants.node_id", "this node twice", h => h.Participants[1].NodeId = ClientRecord.Node.Value),
            ("header.participants.index", "0", h => h.Participants[1].Index = 0),
            ("header.participants.index", "256", h => h.Participants[1].Index = 256),
            ("header.participants.index", "twice", h => h.Participants[1].Index = 1),
            ("header.kdf", "missing", h => h.Kdf = null),
            ("header.kdf.salt", "15 bytes", h => h.Kdf.Salt = Bytes(15)),
            ("header.kdf.salt", "65 bytes", h => h.Kdf.Salt = Bytes(65)),
            ("header.kdf.memory_kib", "19455", h => h.Kdf.MemoryKib = 19455),
            ("header.kdf.memory_kib", "1048577", h => h.Kdf.MemoryKib = 1048577),
            ("header.kdf.memory_kib", "the largest", h => h.Kdf.MemoryKib = uint.MaxValue),
            ("header.kdf.iterations", "0", h => h.Kdf.Iterations = 0),
            ("header.kdf.iterations", "17", h => h.Kdf.Iterations = 17),
            ("header.kdf.parallelism", "0", h => h.Kdf.Parallelism = 0),
            ("header.kdf.parallelism", "17", h => h.Kdf.Parallelism = 17),
            ("header.commitment", "31 bytes", h => h.Commitment = Bytes(31)),
            ("header.owner_public_key", "32 bytes", h => h.OwnerPublicKey = Bytes(32)),
            ("header.owner_public_key", "no point", h => h.OwnerPublicKey = NoPoint),
            ("header.confirm_public_key", "missing", h => h.ConfirmPublicKey = ByteString.Empty),
            ("header.confirm_public_key", "no point", h => h.ConfirmPublicKey = NoPoint),
            ("header.max_attempts", "0", h => h.MaxAttempts = 0),
            ("header.max_attempts", "101", h => h.MaxAttempts = 101),
            ("header.envelope_digest", "33 bytes", h => h.EnvelopeDigest = Bytes(33)),
        ];
    }

    private static IEnumerable<(string Field, string Wrong, byte[] Header)> Malformed(ClientRecord record)
    {
        byte[] valid = record.Header.Bytes.ToArray();
        return
        [
            ("header", "empty", []),
            ("header", "no message", [0xff, 0xff, 0xff]),
            ("header", "cut short", valid[..^1]),
            ("header", "an unknown field", [.. valid, 0xf8, 0x07, 0x01]),
            ("header", "a field twice", [.. valid, 0x08, 0x01]),
            ("header", "a number in more bytes than it takes", [0x08, 0x81, 0x00, .. valid[2..]]),
            ("header", "longer than any", new byte[60_000]),
        ];
    }

    private static ByteString NoPoint => ByteString.CopyFrom([2, .. new byte[31], 1]);

    private static void Crowd(RecordHeader header)
    {
        header.Threshold = 15;
        for (uint i = 4; i <= 17; i++)
        {
            header.Participants.Add(new Participant { NodeId = $"node-{i}.example", Index = i });
        }
    }

    private static byte[] Changed(ClientRecord record, Action<RecordHeader> spoil)
    {
        RecordHeader header = RecordHeader.Parser.ParseFrom(record.Header.Bytes.Span);
        spoil(header);
        return header.ToByteArray();
    }

    private static ByteString Bytes(int length) => ByteString.CopyFrom(new byte[length]);
}
