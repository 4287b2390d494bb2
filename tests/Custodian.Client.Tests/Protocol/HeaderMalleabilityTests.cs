using System.Text;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol.Tests;

public sealed class HeaderMalleabilityTests
{
    private static readonly byte[] Good = Vectors.First.Hex("header");

    [Fact]
    public void TryParse_RandomMutations_AreRefusedOrAreTheirOwnOnlySerialisation()
    {
        RepeatableBytes random = new("header mutations");
        int accepted = 0;
        int rounds = Effort.Times(6_000, 60_000);
        for (int i = 0; i < rounds; i++)
        {
            byte[] mutated = random.Mutate(Good);
            if (Header.TryParse(mutated, out Header? header, out FieldFault? fault))
            {
                Assert.Equal(mutated, Rebuild(header).Bytes);
                accepted++;
            }
            else
            {
                Assert.StartsWith("header", fault.Field, StringComparison.Ordinal);
            }
        }

        // A changed digit of a hash, an id or the date makes another good header.
        Assert.InRange(accepted, 1, rounds - 1);
    }

    [Fact]
    public void TryParse_RandomBytes_AreRefused()
    {
        RepeatableBytes random = new("random headers");
        for (int i = 0; i < Effort.Times(5_000, 50_000); i++)
        {
            Assert.False(Header.TryParse(random.Next(random.NextInt(3000)), out _, out _));
        }
    }

    public static TheoryData<string, string> Unserialised => new()
    {
        { "empty", "" },
        { "unknown field", "7801" },
        { "unknown field of a high number", "faffffff0f00" },
        { "unknown group", "7b7c" },
        { "group of a known number", "0b0c" },
        { "end of a group", "7c" },
        { "groups, a thousand deep", string.Concat(Enumerable.Repeat("7b", 1000)) },
        { "second version", "0801" },
        { "second set_id", "120961636d652d70726f64" },
        { "second, empty max_attempts", "6000" },
        { "known field of another type", "1001" },
        { "field number 0", "0001" },
        { "wire type 6", "7e" },
        { "wire type 7", "7f" },
        { "tag cut short", "80" },
        { "length without content", "1a20" },
        { "length of 2 GiB", "1affffffff07" },
        { "length of 4 GiB", "1affffffff0f" },
        { "length that is negative", "1affffffffffffffffff01" },
        { "varint of eleven bytes", "28ffffffffffffffffffff01" },
        { "participant with an unknown field", "42021801" },
        { "unknown fixed64 cut short", "7900" },
    };

    [Theory]
    [MemberData(nameof(Unserialised))]
    public void TryParse_BytesNoWriterMakes_AreRefused(string what, string appended)
    {
        byte[] bytes = what == "empty" ? [] : [.. Good, .. Convert.FromHexString(appended)];

        Assert.False(Header.TryParse(bytes, out _, out FieldFault? fault), what);
        Assert.StartsWith("header", fault.Field, StringComparison.Ordinal);
    }

    [Fact]
    public void TryParse_EveryCut_IsRefused()
    {
        for (int length = 0; length < Good.Length; length++)
        {
            Assert.False(Header.TryParse(Good.AsSpan(0, length), out _, out _));
        }
    }

    [Fact]
    public void TryParse_FieldsInAnotherOrder_IsRefused()
    {
        byte[] reordered = [.. Good.AsSpan(2), .. Good.AsSpan(0, 2)];
        Assert.Equal(RecordHeader.Parser.ParseFrom(Good), RecordHeader.Parser.ParseFrom(reordered));

        Assert.False(Header.TryParse(reordered, out _, out FieldFault? fault));
        Assert.Equal("header", fault.Field);
    }

    [Fact]
    public void TryParse_VarintLongerThanNeeded_IsRefused()
    {
        byte[] padded = [0x08, 0x81, 0x00, .. Good.AsSpan(2)];
        Assert.Equal(RecordHeader.Parser.ParseFrom(Good), RecordHeader.Parser.ParseFrom(padded));

        Assert.False(Header.TryParse(padded, out _, out _));
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("c0af")]
    [InlineData("eda080")]
    [InlineData("f4908080")]
    [InlineData("e282")]
    public void TryParse_TextThatIsNotUtf8_IsRefused(string text)
    {
        int at = Good.AsSpan().IndexOf(Encoding.ASCII.GetBytes("acme-prod"));
        byte[] content = Convert.FromHexString(text);
        byte[] bytes = [.. Good.AsSpan(0, at - 1), (byte)content.Length, .. content, .. Good.AsSpan(at + 9)];

        Assert.False(Header.TryParse(bytes, out _, out _));
    }

    [Fact]
    public void TryParse_MegabytesOfParticipants_IsRefusedUnparsed()
    {
        byte[] bytes = [.. Good, .. Enumerable.Repeat<byte[]>([0x42, 0x00], 2_000_000).SelectMany(b => b)];

        Assert.False(Header.TryParse(bytes, out _, out FieldFault? fault));
        Assert.Equal("header", fault.Field);
    }

    private static Header Rebuild(Header header) => Header.Create(new HeaderFields
    {
        SetId = header.SetId,
        AccountId = header.AccountId,
        RecordId = header.RecordId,
        Generation = header.Generation,
        CreatedUnixMs = header.CreatedUnixMs,
        Threshold = header.Threshold,
        Participants = header.Participants,
        Kdf = header.Kdf,
        Commitment = header.Commitment,
        OwnerPublicKey = header.OwnerPublicKey,
        ConfirmPublicKey = header.ConfirmPublicKey,
        MaxAttempts = header.MaxAttempts,
        EnvelopeDigest = header.EnvelopeDigest,
    });
}
