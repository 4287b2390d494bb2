using System.Text.Json;

namespace Custodian.Protocol.Tests;

/// <summary>The test vectors of the protocol, as published beside protocol.md.</summary>
internal static class Vectors
{
    private static readonly JsonElement Root = Load();

    internal static IEnumerable<JsonElement> HashToCurve => Root.GetProperty("hash_to_curve").EnumerateArray();

    internal static IEnumerable<byte[]> LiftXInvalid =>
        Root.GetProperty("lift_x_invalid").EnumerateArray().Select(x => Convert.FromHexString(x.GetString()!));

    internal static IEnumerable<VectorCase> Cases => Root.GetProperty("cases").EnumerateArray().Select(c => new VectorCase(c));

    internal static VectorCase First => Cases.First();

    internal static VectorCase Case(string name) => Cases.Single(c => c.Name == name);

    private static JsonElement Load()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "vectors", "protocol-v1.json");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }
}

/// <summary>One enrolment of the vectors.</summary>
internal sealed class VectorCase(JsonElement json)
{
    internal string Name => Text("name");

    internal SetId SetId => SetId.Parse(Text("set_id"));

    internal AccountId AccountId => AccountId.Derive(SetId, Text("issuer"), Text("subject"));

    internal RecordId RecordId => RecordId.Read(Hex("record_id"));

    internal ulong Generation => json.GetProperty("generation").GetUInt64();

    internal int Threshold => json.GetProperty("threshold").GetInt32();

    internal int MaxAttempts => json.GetProperty("max_attempts").GetInt32();

    internal long CreatedUnixMs => json.GetProperty("created_unix_ms").GetInt64();

    internal StretchParameters Kdf
    {
        get
        {
            JsonElement kdf = json.GetProperty("kdf");
            return new(
                [.. Convert.FromHexString(kdf.GetProperty("salt").GetString()!)],
                kdf.GetProperty("memory_kib").GetInt32(),
                kdf.GetProperty("iterations").GetInt32(),
                kdf.GetProperty("parallelism").GetInt32());
        }
    }

    internal IReadOnlyList<VectorParticipant> Participants =>
        [.. json.GetProperty("participants").EnumerateArray().Select(p => new VectorParticipant(p))];

    internal string Text(string field) => json.GetProperty(field).GetString()!;

    internal byte[] Hex(string field) => Convert.FromHexString(Text(field));

    internal HeaderFields HeaderFields() => new()
    {
        SetId = SetId,
        AccountId = AccountId,
        RecordId = RecordId,
        Generation = Generation,
        CreatedUnixMs = CreatedUnixMs,
        Threshold = Threshold,
        Participants = [.. Participants.Select(p => new HeaderParticipant(p.NodeId, p.Index))],
        Kdf = Kdf,
        Commitment = Hex("commitment"),
        OwnerPublicKey = Hex("owner_public_key"),
        ConfirmPublicKey = Hex("confirm_public_key"),
        MaxAttempts = MaxAttempts,
        EnvelopeDigest = Envelope.Digest(Hex("envelope")),
    };

    internal Header Header() => Protocol.Header.TryParse(Hex("header"), out Header? header, out FieldFault? fault)
        ? header
        : throw new InvalidOperationException(fault.ToString());
}

/// <summary>One node's part in an enrolment of the vectors.</summary>
internal sealed class VectorParticipant(JsonElement json)
{
    internal NodeId NodeId => NodeId.Parse(json.GetProperty("node_id").GetString()!);

    internal byte Index => json.GetProperty("index").GetByte();

    internal AttemptId AttemptId => AttemptId.Read(Hex("attempt_id"));

    internal ulong Sequence => json.GetProperty("sequence").GetUInt64();

    internal byte[] Hex(string field) => Convert.FromHexString(json.GetProperty(field).GetString()!);
}
