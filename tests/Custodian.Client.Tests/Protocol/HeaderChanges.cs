using System.Globalization;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol.Tests;

/// <summary>The changes to a good header that its tests name: <c>what value</c>.</summary>
internal static class HeaderChanges
{
    private static readonly Dictionary<string, Action<RecordHeader>> Named = new()
    {
        ["no set_id"] = h => h.SetId = "",
        ["set_id in upper case"] = h => h.SetId = "Acme",
        ["set_id of 63 characters"] = h => h.SetId = new string('a', 63),
        ["set_id of 64 characters"] = h => h.SetId = new string('a', 64),
        ["account_id of 31 bytes"] = h => h.AccountId = Zeros(31),
        ["account_id of 33 bytes"] = h => h.AccountId = Zeros(33),
        ["record_id of 15 bytes"] = h => h.RecordId = Zeros(15),
        ["no record_id"] = h => h.RecordId = ByteString.Empty,
        ["generation above 2^62"] = h => h.Generation = (1UL << 62) + 1,
        ["generation 2^62"] = h => h.Generation = 1UL << 62,
        ["created before 1970"] = h => h.CreatedUnixMs = -1,
        ["threshold of half"] = h => (h.Threshold, _) = (2, h.Participants.Remove(h.Participants[4])),
        ["threshold above n"] = h => h.Threshold = 6,
        ["threshold n"] = h => h.Threshold = 5,
        ["threshold of 2^31 + 3"] = h => h.Threshold = (1U << 31) + 3,
        ["threshold of 2^32 - 1"] = h => h.Threshold = uint.MaxValue,
        ["no participants"] = h => h.Participants.Clear(),
        ["1 of 1"] = h => Resize(h, 1),
        ["16 participants"] = h => Resize(h, 16),
        ["17 participants"] = h => Resize(h, 17),
        ["node_id empty"] = h => h.Participants[2].NodeId = "",
        ["node_id twice"] = h => h.Participants[2].NodeId = h.Participants[0].NodeId,
        ["node_id with a space"] = h => h.Participants[4].NodeId = "node 5",
        ["index twice"] = h => h.Participants[4].Index = 1,
        ["index of 2^32 - 1"] = h => h.Participants[4].Index = uint.MaxValue,
        ["no kdf"] = h => h.Kdf = null,
        ["salt of 15 bytes"] = h => h.Kdf.Salt = Zeros(15),
        ["salt of 16 bytes"] = h => h.Kdf.Salt = Zeros(16),
        ["salt of 64 bytes"] = h => h.Kdf.Salt = Zeros(64),
        ["salt of 65 bytes"] = h => h.Kdf.Salt = Zeros(65),
        ["memory of 2^32 - 1"] = h => h.Kdf.MemoryKib = uint.MaxValue,
        ["commitment of 31 bytes"] = h => h.Commitment = Zeros(31),
        ["envelope_digest of 33 bytes"] = h => h.EnvelopeDigest = Zeros(33),
        ["owner key off the curve"] = h => h.OwnerPublicKey = OffTheCurve,
        ["owner key uncompressed"] = h => h.OwnerPublicKey = ByteString.CopyFrom(ReferenceCurve.Generator.Uncompressed()),
        ["no owner key"] = h => h.OwnerPublicKey = ByteString.Empty,
        ["confirm key off the curve"] = h => h.ConfirmPublicKey = OffTheCurve,
        ["confirm key of 32 bytes"] = h => h.ConfirmPublicKey = Zeros(32),
    };

    private static readonly Dictionary<string, Action<RecordHeader, uint>> Numbers = new()
    {
        ["version"] = (h, v) => h.Version = v,
        ["generation"] = (h, v) => h.Generation = v,
        ["threshold"] = (h, v) => h.Threshold = v,
        ["max_attempts"] = (h, v) => h.MaxAttempts = v,
        ["index"] = (h, v) => h.Participants[3].Index = v,
        ["memory"] = (h, v) => h.Kdf.MemoryKib = v,
        ["iterations"] = (h, v) => h.Kdf.Iterations = v,
        ["parallelism"] = (h, v) => h.Kdf.Parallelism = v,
    };

    private static ByteString OffTheCurve => ByteString.CopyFrom([2, .. ReferenceCurve.Bytes(1)]);

    internal static void Apply(RecordHeader header, string change)
    {
        if (Named.TryGetValue(change, out Action<RecordHeader>? named))
        {
            named(header);
            return;
        }

        string[] words = change.Split(' ');
        Numbers[words[0]](header, uint.Parse(words[1], CultureInfo.InvariantCulture));
    }

    internal static void MakeLongest(RecordHeader header)
    {
        Resize(header, 16);
        foreach (Participant participant in header.Participants)
        {
            participant.NodeId = participant.NodeId.PadRight(63, 'x');
            participant.Index += 200;
        }

        header.SetId = new string('a', 63);
        header.Generation = 1UL << 62;
        header.CreatedUnixMs = -1;
        header.MaxAttempts = 100;
        header.Kdf = new Wire.KdfParameters { Salt = Zeros(64), MemoryKib = 1048576, Iterations = 16, Parallelism = 16 };
    }

    private static void Resize(RecordHeader header, uint nodes)
    {
        header.Participants.Clear();
        for (uint i = 1; i <= nodes; i++)
        {
            header.Participants.Add(new Participant { NodeId = $"node-{i:d2}", Index = i });
        }

        header.Threshold = nodes;
    }

    private static ByteString Zeros(int length) => ByteString.CopyFrom(new byte[length]);
}
