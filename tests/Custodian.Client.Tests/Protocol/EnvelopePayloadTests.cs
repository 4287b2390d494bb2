using System.Collections.Immutable;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol.Tests;

public sealed class EnvelopePayloadTests
{
    [Fact]
    public void Serialize_ValuesOfEveryVector_GivesItsBytes()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            using EnvelopePayload payload = new(c.Hex("private_key"), c.Text("content_type"), c.Text("label"), []);

            Assert.Equal(c.Hex("payload"), payload.Serialize());
        }
    }

    [Fact]
    public void TryParse_EveryVector_GivesItsValues()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Assert.True(EnvelopePayload.TryParse(c.Hex("payload"), out EnvelopePayload? payload));
            using (payload)
            {
                Assert.Equal(c.Hex("private_key"), payload.Secret);
                Assert.Equal((c.Text("content_type"), c.Text("label")), (payload.ContentType, payload.Label));
                Assert.Empty(payload.FormerOwners);
            }
        }
    }

    [Fact]
    public void Serialize_EveryShape_IsWhatTheGeneratedMessageWrites()
    {
        RepeatableBytes random = new("payload shapes");
        foreach (int secret in new[] { 0, 1, 127, 128, 16383, 16384, 60000 })
        {
            foreach (int owners in new[] { 0, 1, 8 })
            {
                foreach (string label in new[] { "", "my key", "clé 🔑", new string('x', 200) })
                {
                    using EnvelopePayload payload = Payload(random, secret, "text/plain", label, owners);
                    byte[] bytes = payload.Serialize();

                    Assert.Equal(Generated(payload).ToByteArray(), bytes);
                    AssertSame(payload, bytes);
                }
            }
        }
    }

    [Fact]
    public void TryParse_RandomMutations_AgreesWithTheGeneratedMessage()
    {
        RepeatableBytes random = new("payload mutations");
        using EnvelopePayload original = Payload(random, 40, "application/octet-stream", "test key", 2);
        byte[] good = original.Serialize();
        int accepted = 0;
        int rounds = Effort.Times(10_000, 100_000);
        for (int i = 0; i < rounds; i++)
        {
            byte[] mutated = random.Mutate(good);
            if (EnvelopePayload.TryParse(mutated, out EnvelopePayload? payload))
            {
                AssertReadsAsGenerated(payload, mutated);
                payload.Dispose();
                accepted++;
            }
            else
            {
                Assert.False(IsCanonical(mutated), Convert.ToHexString(mutated));
            }
        }

        Assert.InRange(accepted, rounds / 10, rounds * 9 / 10);
    }

    [Fact]
    public void TryParse_UnknownFields_AreIgnored()
    {
        byte[] bytes = Convert.FromHexString("0a0101" + "7805" + "790102030405060708" + "7d01020304" + "7a0141" + "fa7f0142" + "0801" + "1a0141");

        Assert.True(EnvelopePayload.TryParse(bytes, out EnvelopePayload? payload));
        using (payload)
        {
            Assert.Equal([1], payload.Secret.ToArray());
            Assert.Equal("A", payload.Label);
        }
    }

    [Fact]
    public void TryParse_RepeatedSingleField_TakesTheLast()
    {
        Assert.True(EnvelopePayload.TryParse(Convert.FromHexString("0a01010a0102"), out EnvelopePayload? payload));
        using (payload)
        {
            Assert.Equal([2], payload.Secret.ToArray());
        }
    }

    [Theory]
    [InlineData("0a05")]
    [InlineData("0aff")]
    [InlineData("0affffffff0f")]
    [InlineData("0affffffffffffffffff01")]
    [InlineData("0affffffffffffffffffff01")]
    [InlineData("0001")]
    [InlineData("0b")]
    [InlineData("0c")]
    [InlineData("7b7c")]
    [InlineData("7e")]
    [InlineData("7f")]
    [InlineData("80")]
    [InlineData("ffffffffffffffffff0100")]
    [InlineData("7d0000")]
    [InlineData("7900")]
    [InlineData("1201ff")]
    [InlineData("1a02c0af")]
    [InlineData("22020a05")]
    public void TryParse_BytesThatAreNoMessage_IsFalse(string bytes) =>
        Assert.False(EnvelopePayload.TryParse(Convert.FromHexString(bytes), out _));

    [Fact]
    public void TryParse_FormerOwnerThatIsNone_IsLeftOutAndCostsNothingElse()
    {
        byte[] good = ReferenceCurve.Bytes(5);
        SecretPayload message = new() { Secret = ByteString.CopyFrom(1, 2, 3) };
        message.FormerOwners.Add(new FormerOwner { RecordId = Bytes(15), OwnerPrivateKey = ByteString.CopyFrom(good) });
        message.FormerOwners.Add(new FormerOwner { RecordId = Bytes(16), OwnerPrivateKey = Bytes(32) });
        message.FormerOwners.Add(new FormerOwner { RecordId = Bytes(16), OwnerPrivateKey = Bytes(31) });
        message.FormerOwners.Add(new FormerOwner());
        message.FormerOwners.Add(new FormerOwner { RecordId = Bytes(16), OwnerPrivateKey = ByteString.CopyFrom(good) });

        Assert.True(EnvelopePayload.TryParse(message.ToByteArray(), out EnvelopePayload? payload));
        using (payload)
        {
            Assert.Equal([1, 2, 3], payload.Secret.ToArray());
            Assert.Equal(good, Assert.Single(payload.FormerOwners).PrivateKey);
        }
    }

    [Fact]
    public void Serialize_NineFormerOwners_IsMisuse()
    {
        using EnvelopePayload payload = Payload(new("nine"), 1, "", "", 9);

        Assert.Throws<ArgumentException>(() => payload.Serialize());
    }

    [Fact]
    public void Serialize_TextWithAnUnpairedSurrogate_IsMisuse()
    {
        using EnvelopePayload payload = new([1], "", "\ud800", []);

        Assert.ThrowsAny<ArgumentException>(() => payload.Serialize());
    }

    [Fact]
    public void Dispose_Payload_ZeroesSecretAndFormerOwners()
    {
        EnvelopePayload payload = Payload(new("dispose"), 10, "", "", 1);
        payload.Dispose();

        Assert.Equal(new byte[10], payload.Secret);
        Assert.Equal(new byte[32], payload.FormerOwners[0].PrivateKey);
        Assert.Equal("[envelope payload]", payload.ToString());
    }

    [Fact]
    public void FormerOwnerKey_ScalarOutOfRange_IsMisuse() =>
        Assert.Throws<ArgumentException>(() => new FormerOwnerKey(RecordId.Read(new byte[16]), new byte[32]));

    private static EnvelopePayload Payload(RepeatableBytes random, int secret, string contentType, string label, int owners)
    {
        ImmutableArray<FormerOwnerKey> former =
        [
            .. Enumerable.Range(0, owners).Select(_ => new FormerOwnerKey(
                RecordId.Read(random.Next(16)), ReferenceCurve.Bytes(1 + random.NextBelow(ReferenceCurve.Q - 1)))),
        ];
        return new(random.Next(secret), contentType, label, former);
    }

    private static SecretPayload Generated(EnvelopePayload payload)
    {
        SecretPayload message = new()
        {
            Secret = ByteString.CopyFrom(payload.Secret),
            ContentType = payload.ContentType,
            Label = payload.Label,
        };
        message.FormerOwners.AddRange(payload.FormerOwners.Select(f => new FormerOwner
        {
            RecordId = ByteString.CopyFrom(f.Record.ToArray()),
            OwnerPrivateKey = ByteString.CopyFrom(f.PrivateKey),
        }));
        return message;
    }

    private static void AssertSame(EnvelopePayload expected, byte[] bytes)
    {
        Assert.True(EnvelopePayload.TryParse(bytes, out EnvelopePayload? payload));
        using (payload)
        {
            Assert.Equal(Generated(expected), Generated(payload));
        }
    }

    private static void AssertReadsAsGenerated(EnvelopePayload payload, byte[] bytes)
    {
        SecretPayload message = SecretPayload.Parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
        FormerOwner[] usable =
            [.. message.FormerOwners.Where(f => f.RecordId.Length == 16 && P256.IsValidScalar(f.OwnerPrivateKey.Span))];
        message.FormerOwners.Clear();
        message.FormerOwners.AddRange(usable);

        Assert.Equal(message, Generated(payload));
    }

    /// <summary>Whether the generated message reads the bytes and writes them again as they were.</summary>
    private static bool IsCanonical(byte[] bytes)
    {
        try
        {
            return SecretPayload.Parser.WithDiscardUnknownFields(true).ParseFrom(bytes).ToByteArray().AsSpan().SequenceEqual(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }

    private static ByteString Bytes(int length) => ByteString.CopyFrom(new byte[length]);
}
