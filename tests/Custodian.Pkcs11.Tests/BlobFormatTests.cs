using System.Security.Cryptography;
using Custodian.Pkcs11.Sealing;

namespace Custodian.Pkcs11.Tests;

/// <summary>The bytes of headers and contents: written one way, and read that way only.</summary>
public sealed class BlobFormatTests
{
    [Theory]
    [InlineData(1, 1, "010101010000000100000001")]
    [InlineData(1, 2, "010201010000000100000001")]
    [InlineData(1, 3, "0103010000000001")]
    [InlineData(2, 1, "0101010200000001")]
    [InlineData(2, 2, "0102010200000001")]
    [InlineData(2, 3, "0103010200000001")]
    public void Header_OfAModeAndRole_IsTheseBytesAndSaysTheMode(byte mode, byte role, string expected)
    {
        var header = Header((EvaluationMode)mode, (BlobRole)role);

        Assert.Equal(expected, Convert.ToHexStringLower(header));
        Assert.True(BlobHeader.IsAt((EvaluationMode)mode, (BlobRole)role, header));
        Assert.True(EvaluationModes.TryRead(header, out var said));
        Assert.Equal((EvaluationMode)mode, said);
        Assert.All(EvaluationModes.All, other => Assert.Equal(other == said, BlobHeader.IsAt(other, (BlobRole)role, header)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(1, 3)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 3)]
    public void Header_AnyOtherBytes_IsNone(byte mode, byte role)
    {
        var header = Header((EvaluationMode)mode, (BlobRole)role);

        foreach (var mutation in Mutations.Of(header).Where(m => m.Length <= header.Length))
        {
            Assert.False(BlobHeader.IsAt((EvaluationMode)mode, (BlobRole)role, mutation));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("010301")]
    [InlineData("0203010000000001")]
    [InlineData("0104010200000001")]
    [InlineData("0103020200000001")]
    [InlineData("0103010100000001")]
    [InlineData("0102010000000001")]
    [InlineData("0102010300000001")]
    public void Mode_OfBytesThatBeginNoBlob_IsNone(string bytes) => Assert.False(EvaluationModes.TryRead(Convert.FromHexString(bytes), out _));

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(72)]
    [InlineData(80)]
    public void Content_KeyInMemoryOfAnotherLength_IsRefused(int length) =>
        Assert.False(WrappedKeyContent.TryParse(EvaluationMode.Memory, BlobRole.Record, Content(length, 32).Content, out _));

    [Fact]
    public void Content_KeyInMemory_IsReadInItsModeOnly()
    {
        var (content, key, point, tail) = Content(32, 32);

        Assert.True(WrappedKeyContent.TryParse(EvaluationMode.Memory, BlobRole.Record, content, out var parsed));
        Assert.False(WrappedKeyContent.TryParse(EvaluationMode.Hsm, BlobRole.Record, content, out _));

        Assert.Equal(key, parsed.Wrapped.ToArray());
        Assert.Equal(point, parsed.Point.ToArray());
        Assert.Equal(tail, parsed.Tail.ToArray());
    }

    [Theory]
    [InlineData(1, 8, 72)]
    [InlineData(1, 8, 80)]
    [InlineData(2, 32, 152)]
    [InlineData(2, 32, 1024)]
    public void Content_WhatWasWritten_IsRead(byte role, int tailLength, int wrappedLength)
    {
        var (content, wrapped, point, tail) = Content(wrappedLength, tailLength);

        Assert.True(WrappedKeyContent.TryParse(EvaluationMode.Hsm, (BlobRole)role, content, out var parsed));

        Assert.Equal(wrapped, parsed.Wrapped.ToArray());
        Assert.Equal(point, parsed.Point.ToArray());
        Assert.Equal(tail, parsed.Tail.ToArray());
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 32)]
    public void Content_AnyMutation_IsRefusedOrReadsAsWhatItIs(byte role, int tailLength)
    {
        var (content, _, _, _) = Content(80, tailLength);
        var random = Enumerable.Range(0, 2000).Select(i => RandomNumberGenerator.GetBytes(i % 300));
        var read = 0;
        foreach (var mutation in Mutations.Of(content).Concat(random))
        {
            if (WrappedKeyContent.TryParse(EvaluationMode.Hsm, (BlobRole)role, mutation, out var parsed))
            {
                var again = new byte[WrappedKeyContent.MaxLength];
                var length = WrappedKeyContent.Write(parsed.Wrapped, parsed.Point, parsed.Tail, again);
                Assert.Equal(mutation, again[..length]);
                read++;
            }
        }
        Assert.InRange(read, 1, 2 * content.Length);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(79)]
    [InlineData(81)]
    [InlineData(1032)]
    public void Content_WrappedKeyOfAnotherLength_IsRefused(int wrappedLength)
    {
        var (content, _, _, _) = Content(wrappedLength, 32);

        Assert.False(WrappedKeyContent.TryParse(EvaluationMode.Hsm, BlobRole.Record, content, out _));
    }

    [Theory]
    [InlineData("FFFFFFFF")]
    [InlineData("80000050")]
    [InlineData("00000000")]
    public void Content_LengthPastTheEnd_IsRefused(string length)
    {
        var (content, _, _, _) = Content(80, 32);
        Convert.FromHexString(length).CopyTo(content, 0);

        Assert.False(WrappedKeyContent.TryParse(EvaluationMode.Hsm, BlobRole.Record, content, out _));
    }

    [Fact]
    public void Content_OfTheOtherRole_IsRefused()
    {
        Assert.False(WrappedKeyContent.TryParse(EvaluationMode.Hsm, BlobRole.Record, Content(80, 8).Content, out _));
        Assert.False(WrappedKeyContent.TryParse(EvaluationMode.Hsm, BlobRole.PreparedKey, Content(80, 32).Content, out _));
    }

    private static byte[] Header(EvaluationMode mode, BlobRole role)
    {
        var header = new byte[BlobHeader.Length(mode, role)];
        BlobHeader.Write(mode, role, header);
        return header;
    }

    private static (byte[] Content, byte[] Wrapped, byte[] Point, byte[] Tail) Content(int wrappedLength, int tailLength)
    {
        var wrapped = RandomNumberGenerator.GetBytes(wrappedLength);
        var point = P256.Generator;
        var tail = RandomNumberGenerator.GetBytes(tailLength);
        var content = new byte[4 + wrappedLength + point.Length + tailLength];
        Assert.Equal(content.Length, WrappedKeyContent.Write(wrapped, point, tail, content));
        return (content, wrapped, point, tail);
    }
}
