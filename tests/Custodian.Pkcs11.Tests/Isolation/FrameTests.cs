using System.Buffers.Binary;
using System.Security.Cryptography;
using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>The bytes between node and host: what is written is read, what is not is refused, and nothing stays behind.</summary>
public sealed class FrameTests
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 40).Select(i => (byte)i)];
    private static readonly byte[] Point = [4, .. new byte[64]];
    private static readonly byte[] Signature = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
    private static readonly TokenKey[] Used =
        [new(KeyPurpose.Seal, 3, "00ff"), new(KeyPurpose.Wrap, 2, ""), new(KeyPurpose.Audit, 4, Convert.ToHexStringLower(Point))];

    private static readonly KeyInventory Keys = new([new(KeyPurpose.Seal, 1, "aa"), .. Used], Used) { Unused = [new("custodian/seal/9", "because")] };

    [Fact]
    public void Read_ManyFramesInSmallPieces_GivesEachAsItWas()
    {
        var draws = new Draws("frames in pieces");
        byte[][] payloads = [.. Enumerable.Range(0, 200).Select(i => draws.Bytes(i % 20 == 19 ? draws.Next(200_000) : draws.Next(600)))];
        using var stream = new Pieces(payloads.SelectMany((p, i) => FrameOf(FrameKind.Sign, (ulong)i, p)).ToArray(), draws);
        using var input = new FrameInput(stream);

        for (var i = 0; i < payloads.Length; i++)
        {
            Assert.True(input.TryRead(out var frame));
            Assert.Equal((FrameKind.Sign, (ulong)i), (frame.Kind, frame.Id));
            Assert.Equal(payloads[i], frame.Payload.ToArray());
        }

        Assert.False(input.TryRead(out _));
    }

    [Fact]
    public void Read_NextFrame_ZeroesTheOneBefore()
    {
        var first = FrameOf(FrameKind.Seal, 1, Bytes);
        using var stream = new MemoryStream([.. first, .. FrameOf(FrameKind.Probe, 2, [])]);
        using var input = new FrameInput(stream);
        Assert.True(input.TryRead(out var frame));
        var payload = frame.Payload;
        Assert.Equal(Bytes, payload.ToArray());

        Assert.True(input.TryRead(out _));

        Assert.Equal(new byte[Bytes.Length], payload.ToArray());
    }

    [Fact]
    public void Buffer_GivenBack_IsZero()
    {
        var buffer = FrameBuffer.CopyOf(Bytes);
        var memory = buffer.Memory;

        buffer.Dispose();
        buffer.Dispose();

        Assert.Equal(new byte[Bytes.Length], memory.ToArray());
        Assert.Throws<ObjectDisposedException>(() => buffer.Span.Length);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(8u)]
    [InlineData(FrameFormat.MaxSize - FrameFormat.LengthSize + 1u)]
    [InlineData(uint.MaxValue)]
    public void Read_LengthOutOfBounds_IsRefusedBeforeAnyOfItIsRead(uint length)
    {
        var header = new byte[FrameFormat.HeadSize];
        BinaryPrimitives.WriteUInt32BigEndian(header, length);
        header[FrameFormat.LengthSize] = (byte)FrameKind.Probe;
        using var input = new FrameInput(new MemoryStream(header));

        Assert.Throws<MalformedFrameException>(() => input.TryRead(out _));
    }

    [Fact]
    public void Read_LongestFrame_IsRead()
    {
        var payload = RandomNumberGenerator.GetBytes(FrameFormat.MaxPayload);
        using var input = new FrameInput(new MemoryStream([.. FrameOf(FrameKind.Probe, 0, []), .. FrameOf(FrameKind.Sign, 1, payload)]));

        Assert.True(input.TryRead(out _));
        Assert.True(input.TryRead(out var frame));

        Assert.Equal(payload, frame.Payload.ToArray());
    }

    [Fact]
    public void Read_StreamThatEndsWithinAFrame_IsRefused()
    {
        var whole = FrameOf(FrameKind.Sign, 1, Bytes);
        for (var length = 1; length < whole.Length; length++)
        {
            using var input = new FrameInput(new MemoryStream(whole[..length]));
            Assert.Throws<MalformedFrameException>(() => input.TryRead(out _));
        }
    }

    [Fact]
    public void Read_EveryKindOfByte_IsAKnownOneOrRefused()
    {
        for (var kind = 0; kind <= byte.MaxValue; kind++)
        {
            var bytes = FrameOf(FrameKind.Probe, 1, []);
            bytes[FrameFormat.LengthSize] = (byte)kind;
            using var input = new FrameInput(new MemoryStream(bytes));
            if (Enum.IsDefined((FrameKind)kind))
            {
                Assert.True(input.TryRead(out _));
            }
            else
            {
                Assert.Throws<MalformedFrameException>(() => input.TryRead(out _));
            }
        }
    }

    [Fact]
    public void Open_Options_AreReadAsWritten()
    {
        using var pin = new HsmPin("1234"u8);
        var options = new Pkcs11HsmOptions
        {
            ModulePath = "/a/module.so", TokenLabel = "tökén", ModuleParameters = "configdir='sql:/d'", Sessions = 256, Pin = pin,
            Evaluation = EvaluationMode.Memory,
            Authorised = [new(KeyPurpose.Wrap, uint.MaxValue, "00ff"), new(KeyPurpose.Audit, 2, "")],
        };

        var read = OpeningFrames.ReadOpen(PayloadOf(OpeningFrames.Open(options, options.Authorised, pin)));

        Assert.Equal((options.ModulePath, options.TokenLabel, null, options.ModuleParameters, 256),
            (read.ModulePath, read.TokenLabel, read.TokenSerial, read.ModuleParameters, read.Sessions));
        Assert.Equal(options.Authorised, read.Authorised);
        Assert.Equal("1234"u8.ToArray(), read.Pin.Bytes.ToArray());
        Assert.Equal(EvaluationMode.Memory, read.Evaluation);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(255)]
    public void Open_EvaluationInNoKnownPlace_IsMalformed(byte mode)
    {
        using var pin = new HsmPin("1234"u8);
        var payload = PayloadOf(OpeningFrames.Open(new Pkcs11HsmOptions { ModulePath = "/m", TokenLabel = "t", Pin = pin }, [], pin)).ToArray();
        Assert.Equal((byte)EvaluationMode.Hsm, payload[^14]);
        payload[^14] = mode;

        Assert.Throws<MalformedFrameException>(() => OpeningFrames.ReadOpen(payload));
    }

    [Fact]
    public void Answers_Everything_ReadAsWritten()
    {
        var token = new TokenDescription("label", "serial", "maker", "model", true);
        var ready = Read(OpeningFrames.Ready(new HostReady(token, Keys)), OpeningFrames.ReadReady);
        Assert.Equal(token, ready.Token);
        AssertSame(Keys, ready.Keys);
        AssertSame(Keys, Read(AnswerFrames.Keys(1, Keys), AnswerFrames.ReadKeys));
        var signed = Read(AnswerFrames.Signed(1, new HsmSignature(7, Signature)), AnswerFrames.ReadSigned);
        Assert.Equal((7U, Convert.ToHexString(Signature)), (signed.KeyVersion, Convert.ToHexString(signed.Value)));
        var prepared = Read(AnswerFrames.Prepared(1, new PreparedKey(Bytes[..32], Bytes)), AnswerFrames.ReadPrepared);
        Assert.Equal(Bytes[..32], prepared.Evaluated);
        Assert.Equal(Bytes, prepared.SealedKey);
        var evaluated = Read(AnswerFrames.Evaluated(1, new Evaluation(Bytes[..32], Bytes[8..])), AnswerFrames.ReadEvaluated);
        Assert.Equal(Bytes[..32], evaluated.Evaluated);
        Assert.Equal(Bytes[8..], evaluated.MaskedShare);
        Assert.Equal(new AdoptedKey(AdoptOutcome.Expired, null), Read(AnswerFrames.Adopted(1, new(AdoptOutcome.Expired, null)), AnswerFrames.ReadAdopted));
        Assert.Equal(Bytes, Read(AnswerFrames.Adopted(1, new(AdoptOutcome.Adopted, Bytes)), AnswerFrames.ReadAdopted).SealedRecord);
        Assert.Equal(Bytes, Read(AnswerFrames.Bytes(1, Bytes), AnswerFrames.ReadSecret));
        Assert.True(Read(AnswerFrames.Nothing(1), AnswerFrames.ReadNothing));
    }

    [Fact]
    public void Failures_OfEveryClass_ReadAsWritten()
    {
        foreach (var errorClass in Enum.GetValues<HsmErrorClass>())
        {
            var failure = Read(AnswerFrames.Failed(1, new(errorClass, 0x30, "C_Sign", new string('é', 9000))), AnswerFrames.ReadFailed);
            Assert.Equal((errorClass, 0x30UL, "C_Sign"), (failure.Class, failure.ReturnValue, failure.Function));
            Assert.Equal(new string('é', 512), failure.Message);
        }
    }

    [Fact]
    public void Keys_NothingAuthorised_IsNoList()
    {
        using var pin = new HsmPin("1234"u8);
        var options = new Pkcs11HsmOptions { ModulePath = "/m", TokenLabel = "t", Pin = pin };

        Assert.Null(OpeningFrames.ReadOpen(PayloadOf(OpeningFrames.Open(options, null, pin))).Authorised);
        Assert.Empty(OpeningFrames.ReadOpen(PayloadOf(OpeningFrames.Open(options, [], pin))).Authorised!);
    }

    [Theory]
    [InlineData("00001001", "More keys")]
    [InlineData("FFFFFFFF", "More keys")]
    [InlineData("00000001 04 00000001 00000000", "for nothing known")]
    [InlineData("00000001 01 00000000 00000000", "of no version")]
    [InlineData("00000001 01 00000001 00000001 61", "not hexadecimal")]
    [InlineData("00000001 01 00000001 00000002 4141", "not hexadecimal")]
    [InlineData("00000001 01 00000001 00000002 67 67", "not hexadecimal")]
    public void Keys_ThatNoTokenHas_AreRefused(string fit, string why)
    {
        var refused = Assert.Throws<MalformedFrameException>(() =>
        {
            var fields = new FrameReader((byte[])[.. Convert.FromHexString(fit.Replace(" ", "", StringComparison.Ordinal)), 0, 0, 0, 0, 0, 0, 0, 0]);
            AnswerFrames.ReadKeys(ref fields);
        });
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_InUseThatAreNotOneOfEachAndFit_AreRefused()
    {
        foreach (var used in (TokenKey[][])
            [
                Used[..2], [Used[0], Used[1], Used[1]], [.. Used, Used[0]], [Used[0] with { Version = 7 }, Used[1], Used[2]],
                [Used[0], Used[1], new(KeyPurpose.Audit, 4, "04")],
            ])
        {
            Assert.Throws<MalformedFrameException>(() => Read(AnswerFrames.Keys(1, Keys with { InUse = used }), AnswerFrames.ReadKeys));
        }
    }

    private static void AssertSame(KeyInventory expected, KeyInventory read)
    {
        Assert.Equal(expected.Fit, read.Fit);
        Assert.Equal(expected.InUse, read.InUse);
        Assert.Equal(expected.Unused, read.Unused);
    }

    private static T Read<T>(FrameBuffer frame, Custodian.Pkcs11.Isolation.Supervision.AnswerDecoder<T> decode)
    {
        var fields = new FrameReader(PayloadOf(frame));
        var value = decode(ref fields);
        fields.End();
        return value;
    }

    private static ReadOnlyMemory<byte> PayloadOf(FrameBuffer frame)
    {
        using (frame)
        {
            return frame.Span[FrameFormat.HeadSize..].ToArray();
        }
    }

    private static byte[] FrameOf(FrameKind kind, ulong id, byte[] payload)
    {
        var frame = new byte[FrameFormat.HeadSize + payload.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)(frame.Length - FrameFormat.LengthSize));
        frame[FrameFormat.LengthSize] = (byte)kind;
        BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(FrameFormat.LengthSize + 1), id);
        payload.CopyTo(frame, FrameFormat.HeadSize);
        return frame;
    }

    /// <summary>A stream that gives as little at a time as it pleases.</summary>
    private sealed class Pieces(byte[] bytes, Draws draws) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, draws.Between(1, 900)));
    }
}
