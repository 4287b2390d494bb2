using System.Security.Cryptography;

namespace Custodian.Protocol.Tests;

public sealed class EnvelopeTests
{
    private static readonly VectorCase Case = Vectors.First;
    private static readonly byte[] Key = Case.Hex("envelope_key");

    [Fact]
    public void Seal_EveryVector_GivesItsEnvelope()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Assert.Equal(
                c.Hex("envelope"),
                Envelope.Seal(c.Hex("envelope_key"), c.Hex("nonce"), c.Hex("payload"), c.AccountId, c.RecordId, c.Generation));
        }
    }

    [Fact]
    public void TryOpen_EveryVector_GivesItsPayload()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Assert.True(Envelope.TryOpen(
                c.Hex("envelope_key"), c.Hex("envelope"), c.AccountId, c.RecordId, c.Generation, out byte[]? payload));
            Assert.Equal(c.Hex("payload"), payload);
        }
    }

    [Theory]
    [InlineData(0, 285)]
    [InlineData(1, 285)]
    [InlineData(255, 285)]
    [InlineData(256, 541)]
    [InlineData(257, 541)]
    [InlineData(511, 541)]
    [InlineData(512, 797)]
    [InlineData(65279, 65309)]
    public void Seal_PayloadOfALength_HasTheSizeOfItsBlocksAndOpens(int length, int size)
    {
        byte[] payload = new RepeatableBytes("payload").Next(length);
        byte[] envelope = Seal(payload);

        Assert.Equal(size, envelope.Length);
        Assert.True(Envelope.IsAcceptableSize(size));
        Assert.True(TryOpen(envelope, out byte[]? opened));
        Assert.Equal(payload, opened);
    }

    [Fact]
    public void Seal_PayloadTooLong_IsMisuse() => Assert.Throws<ArgumentOutOfRangeException>(() => Seal(new byte[65280]));

    [Fact]
    public void Seal_KeyOrNonceOfAWrongLength_IsMisuse()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Envelope.Seal(new byte[16], new byte[12], [], Case.AccountId, Case.RecordId, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Envelope.Seal(Key, new byte[11], [], Case.AccountId, Case.RecordId, 1));
    }

    [Fact]
    public void TryOpen_OtherKeyAccountRecordOrGeneration_IsFalse()
    {
        byte[] envelope = Case.Hex("envelope");
        byte[] otherKey = [.. Key.AsSpan(0, 31), (byte)(Key[31] ^ 1)];
        AccountId otherAccount = AccountId.Derive(Case.SetId, "https://login.acme.example", "user-0018");
        RecordId otherRecord = RecordId.Read(new byte[16]);

        Assert.False(Envelope.TryOpen(otherKey, envelope, Case.AccountId, Case.RecordId, 1, out _));
        Assert.False(Envelope.TryOpen(Key, envelope, otherAccount, Case.RecordId, 1, out _));
        Assert.False(Envelope.TryOpen(Key, envelope, Case.AccountId, otherRecord, 1, out _));
        Assert.False(Envelope.TryOpen(Key, envelope, Case.AccountId, Case.RecordId, 2, out _));
    }

    [Fact]
    public void TryOpen_AnyBitFlipped_IsFalse()
    {
        byte[] envelope = Case.Hex("envelope");
        for (int bit = 0; bit < 8 * envelope.Length; bit++)
        {
            byte[] flipped = [.. envelope];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));

            Assert.False(TryOpen(flipped, out _));
        }
    }

    [Fact]
    public void TryOpen_RandomMutations_AreFalseUnlessNothingChanged()
    {
        RepeatableBytes random = new("envelope mutations");
        byte[] envelope = Case.Hex("envelope");
        for (int i = 0; i < Effort.Times(5_000, 50_000); i++)
        {
            byte[] mutated = random.Mutate(envelope);

            Assert.Equal(mutated.AsSpan().SequenceEqual(envelope), TryOpen(mutated, out _));
        }
    }

    [Fact]
    public void TryOpen_SizeOutsideItsBounds_IsFalse()
    {
        foreach (int size in new[] { 0, 1, 28, 29, 284, 286, 540, 65308, 65310, 65536, 65537, 65565, 1_000_000 })
        {
            byte[] envelope = new byte[size];
            envelope.AsSpan(0, Math.Min(1, size)).Fill(1);

            Assert.False(TryOpen(envelope, out _));
            Assert.Equal(size is >= 285 and <= 65536, Envelope.IsAcceptableSize(size));
        }
    }

    public static TheoryData<string, bool> Paddings => new()
    {
        { "payload", true },
        { "mark alone", true },
        { "mark at the end", true },
        { "no mark", false },
        { "all zeros", false },
        { "mark before the last block", false },
        { "something after the mark", false },
        { "another mark", false },
    };

    [Theory]
    [MemberData(nameof(Paddings))]
    public void TryOpen_AuthenticPadding_IsAcceptedOnlyAsSealMakesIt(string padding, bool isAccepted)
    {
        byte[] padded = new byte[512];
        switch (padding)
        {
            case "payload": padded[300] = 7; padded[301] = 0x80; break;
            case "mark alone": padded[256] = 0x80; break;
            case "mark at the end": padded[511] = 0x80; break;
            case "no mark": padded.AsSpan().Fill(1); break;
            case "mark before the last block": padded[255] = 0x80; break;
            case "something after the mark": padded[400] = 0x80; padded[511] = 1; break;
            case "another mark": padded[400] = 0x81; break;
        }

        Assert.Equal(isAccepted, TryOpen(SealPadded(padded), out _));
    }

    private static byte[] Seal(byte[] payload) => Envelope.Seal(Key, new byte[12], payload, Case.AccountId, Case.RecordId, 1);

    private static bool TryOpen(byte[] envelope, out byte[]? payload) =>
        Envelope.TryOpen(Key, envelope, Case.AccountId, Case.RecordId, Case.Generation, out payload);

    /// <summary>An authentic envelope of these padded bytes, whatever they are, written from section 8.</summary>
    private static byte[] SealPadded(byte[] padded)
    {
        byte[] nonce = new byte[12];
        byte[] ciphertext = new byte[padded.Length];
        byte[] tag = new byte[16];
        using AesGcm aes = new(Key, tag.Length);
        byte[] aad = [.. "custodian/v1 envelope"u8, .. Case.AccountId.ToArray(), .. Case.RecordId.ToArray(), 0, 0, 0, 0, 0, 0, 0, 1];
        aes.Encrypt(nonce, padded, ciphertext, tag, aad);
        return [1, .. nonce, .. ciphertext, .. tag];
    }
}
