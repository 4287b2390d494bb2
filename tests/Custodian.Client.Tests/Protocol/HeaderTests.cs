using System.Security.Cryptography;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol.Tests;

public sealed class HeaderTests
{
    [Fact]
    public void TryParse_EveryVector_ReadsItsValuesAndKeepsItsBytes()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Header header = c.Header();
            StretchParameters kdf = c.Kdf;

            Assert.Equal(c.Hex("header"), header.Bytes);
            Assert.Equal(c.Hex("header_hash"), header.Hash);
            Assert.Equal(c.Hex("account_id"), header.AccountId.ToArray());
            Assert.Equal((c.SetId, c.RecordId, c.Generation), (header.SetId, header.RecordId, header.Generation));
            Assert.Equal((c.Threshold, c.MaxAttempts, c.CreatedUnixMs), (header.Threshold, header.MaxAttempts, header.CreatedUnixMs));
            Assert.Equal(c.Participants.Select(p => new HeaderParticipant(p.NodeId, p.Index)), header.Participants);
            Assert.Equal(kdf.Salt.ToArray(), header.Kdf.Salt.ToArray());
            Assert.Equal(kdf, header.Kdf with { Salt = kdf.Salt });
            Assert.Equal(c.Hex("commitment"), header.Commitment);
            Assert.Equal(c.Hex("owner_public_key"), header.OwnerPublicKey);
            Assert.Equal(c.Hex("confirm_public_key"), header.ConfirmPublicKey);
            Assert.Equal(SHA256.HashData(c.Hex("envelope")), header.EnvelopeDigest);
        }
    }

    [Fact]
    public void Create_ValuesOfEveryVector_GivesItsBytes()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Assert.Equal(c.Hex("header"), Header.Create(c.HeaderFields()).Bytes);
        }
    }

    [Fact]
    public void Create_ValueOutOfBounds_IsMisuseThatNamesTheField()
    {
        HeaderFields fields = Vectors.First.HeaderFields() with { Threshold = 2 };

        Assert.Contains("header.threshold", Assert.Throws<ArgumentException>(() => Header.Create(fields)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "version 0", "header.version" },
        { "version 2", "header.version" },
        { "no set_id", "header.set_id" },
        { "set_id in upper case", "header.set_id" },
        { "set_id of 64 characters", "header.set_id" },
        { "account_id of 31 bytes", "header.account_id" },
        { "account_id of 33 bytes", "header.account_id" },
        { "record_id of 15 bytes", "header.record_id" },
        { "no record_id", "header.record_id" },
        { "generation 0", "header.generation" },
        { "generation above 2^62", "header.generation" },
        { "threshold 0", "header.threshold" },
        { "threshold of half", "header.threshold" },
        { "threshold above n", "header.threshold" },
        { "threshold of 2^31 + 3", "header.threshold" },
        { "threshold of 2^32 - 1", "header.threshold" },
        { "no participants", "header.participants" },
        { "17 participants", "header.participants" },
        { "node_id empty", "header.participants.node_id" },
        { "node_id twice", "header.participants.node_id" },
        { "node_id with a space", "header.participants.node_id" },
        { "index 0", "header.participants.index" },
        { "index 256", "header.participants.index" },
        { "index of 2^32 - 1", "header.participants.index" },
        { "index twice", "header.participants.index" },
        { "no kdf", "header.kdf" },
        { "salt of 15 bytes", "header.kdf.salt" },
        { "salt of 65 bytes", "header.kdf.salt" },
        { "memory 19455", "header.kdf.memory_kib" },
        { "memory 1048577", "header.kdf.memory_kib" },
        { "memory of 2^32 - 1", "header.kdf.memory_kib" },
        { "iterations 0", "header.kdf.iterations" },
        { "iterations 17", "header.kdf.iterations" },
        { "parallelism 0", "header.kdf.parallelism" },
        { "parallelism 17", "header.kdf.parallelism" },
        { "commitment of 31 bytes", "header.commitment" },
        { "envelope_digest of 33 bytes", "header.envelope_digest" },
        { "owner key off the curve", "header.owner_public_key" },
        { "owner key uncompressed", "header.owner_public_key" },
        { "no owner key", "header.owner_public_key" },
        { "confirm key off the curve", "header.confirm_public_key" },
        { "confirm key of 32 bytes", "header.confirm_public_key" },
        { "max_attempts 0", "header.max_attempts" },
        { "max_attempts 101", "header.max_attempts" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void TryParse_ValueOutOfBounds_NamesTheField(string change, string field)
    {
        RecordHeader message = RecordHeader.Parser.ParseFrom(Vectors.First.Hex("header"));
        HeaderChanges.Apply(message, change);

        Assert.False(Header.TryParse(message.ToByteArray(), out Header? header, out FieldFault? fault));
        Assert.Null(header);
        Assert.Equal(field, fault.Field);
        Assert.NotEmpty(fault.Expected);
    }

    public static TheoryData<string> Bounds =>
    [
        "generation 1", "generation 2^62", "max_attempts 1", "max_attempts 100", "threshold n", "1 of 1", "16 participants", "index 255",
        "salt of 16 bytes", "salt of 64 bytes", "memory 19456", "memory 1048576", "iterations 1", "iterations 16", "parallelism 1",
        "parallelism 16", "set_id of 63 characters", "created before 1970",
    ];

    [Theory]
    [MemberData(nameof(Bounds))]
    public void TryParse_ValueAtItsBound_IsAccepted(string change)
    {
        RecordHeader message = RecordHeader.Parser.ParseFrom(Vectors.First.Hex("header"));
        HeaderChanges.Apply(message, change);

        Assert.True(Header.TryParse(message.ToByteArray(), out Header? header, out FieldFault? fault), fault?.ToString());
        Assert.Equal(message, RecordHeader.Parser.ParseFrom(header.Bytes.Span));
    }

    [Fact]
    public void TryParse_EveryFieldAtItsLongest_FitsTheBound()
    {
        RecordHeader message = RecordHeader.Parser.ParseFrom(Vectors.First.Hex("header"));
        HeaderChanges.MakeLongest(message);
        byte[] bytes = message.ToByteArray();

        Assert.Equal(1478, bytes.Length);
        Assert.True(Header.TryParse(bytes, out _, out _));
    }

    [Fact]
    public void CheckFor_TheRequestTheHeaderIsFor_IsNull()
    {
        VectorCase c = Vectors.First;
        foreach (VectorParticipant p in c.Participants)
        {
            Assert.Null(c.Header().CheckFor(c.SetId, c.AccountId, c.RecordId, p.NodeId));
            Assert.Null(c.Header().CheckFor(c.SetId, c.AccountId, null, p.NodeId));
            Assert.True(c.Header().TryGetIndex(p.NodeId, out byte index));
            Assert.Equal(p.Index, index);
        }
    }

    [Fact]
    public void CheckFor_AnotherSetAccountRecordOrNode_NamesTheField()
    {
        VectorCase c = Vectors.First;
        Header header = c.Header();
        NodeId node = c.Participants[0].NodeId;
        AccountId otherAccount = AccountId.Derive(c.SetId, "https://login.acme.example", "user-0018");

        Assert.Equal("header.set_id", header.CheckFor(SetId.Parse("other"), c.AccountId, c.RecordId, node)?.Field);
        Assert.Equal("header.account_id", header.CheckFor(c.SetId, otherAccount, c.RecordId, node)?.Field);
        Assert.Equal("header.record_id", header.CheckFor(c.SetId, c.AccountId, RecordId.Read(new byte[16]), node)?.Field);
        Assert.Equal("header.participants", header.CheckFor(c.SetId, c.AccountId, c.RecordId, NodeId.Parse("node-9"))?.Field);
        Assert.Equal("header.participants", header.CheckFor(c.SetId, c.AccountId, c.RecordId, default)?.Field);
    }
}
