using System.Security.Cryptography;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;

namespace Custodian.Pkcs11.Tests;

/// <summary>The bytes of headers and contents: written one way, and read that way only.</summary>
public sealed class BlobFormatTests
{
    [Theory]
    [InlineData(1, 1, 1U, 1U, "010101010000000100000001")]
    [InlineData(1, 2, 1U, 1U, "010201010000000100000001")]
    [InlineData(1, 3, 1U, null, "0103010000000001")]
    [InlineData(1, 2, 0x01020304U, 0xFFFFFFFFU, "0102010101020304ffffffff")]
    [InlineData(1, 3, 258U, null, "0103010000000102")]
    [InlineData(2, 1, 1U, null, "0101010200000001")]
    [InlineData(2, 2, 0x01020304U, null, "0102010201020304")]
    [InlineData(2, 3, 1U, null, "0103010200000001")]
    public void Header_OfAModeAndRole_IsTheseBytesAndSaysTheModeAndVersions(byte mode, byte role, uint seal, uint? wrap, string expected)
    {
        var header = Header((EvaluationMode)mode, (BlobRole)role, seal, wrap);

        Assert.Equal(expected, Convert.ToHexStringLower(header));
        Assert.True(BlobHeader.TryRead((EvaluationMode)mode, (BlobRole)role, header, out var read));
        Assert.Equal(new BlobVersions(seal, wrap), read);
        Assert.True(BlobVersions.TryRead(header, out var unopened));
        Assert.Equal(read, unopened);
        Assert.Equal(role != 3, BlobVersions.AreOfRecord(header));
        Assert.True(EvaluationModes.TryRead(header, out var said));
        Assert.Equal((EvaluationMode)mode, said);
        Assert.All(EvaluationModes.All, other => Assert.Equal(other == said, BlobHeader.TryRead(other, (BlobRole)role, header, out _)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(1, 3)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 3)]
    public void Header_AnyOtherBytes_IsNoneOrOfTheVersionsThatItSays(byte mode, byte role)
    {
        var header = Header((EvaluationMode)mode, (BlobRole)role, 1, mode == 2 || role == 3 ? null : 1U);
        var length = header.Length;
        var read = 0;

        foreach (var mutation in Mutations.Of(header).Where(m => m.Length <= length))
        {
            if (BlobHeader.TryRead((EvaluationMode)mode, (BlobRole)role, mutation, out var versions))
            {
                var again = new byte[length];
                BlobHeader.Write((EvaluationMode)mode, (BlobRole)role, versions, again);
                Assert.Equal(mutation, again);
                Assert.Equal(header[..4], mutation[..4]);
                read++;
            }
        }
        Assert.InRange(read, 1, 8 * length);
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
    [InlineData("010201010000000000000001")]
    [InlineData("010201010000000100000000")]
    [InlineData("0103010000000000")]
    [InlineData("010401010000000100000001")]
    [InlineData("")]
    [InlineData("01")]
    public void Header_VersionZeroOrOfNoRole_IsNone(string header) =>
        Assert.False(BlobVersions.TryRead(Convert.FromHexString(header), out _));

    [Theory]
    [InlineData("custodian/seal/1", KeyPurpose.Seal, 1U)]
    [InlineData("custodian/wrap/20", KeyPurpose.Wrap, 20U)]
    [InlineData("custodian/audit/4294967295", KeyPurpose.Audit, 4294967295U)]
    public void Label_OfAKey_IsRead(string label, KeyPurpose purpose, uint version)
    {
        Assert.True(TokenKeyNames.TryParse(System.Text.Encoding.ASCII.GetBytes(label), out var read, out var number));
        Assert.Equal((purpose, version, label), (read, number, TokenKeyNames.Of(read, number)));
    }

    [Theory]
    [InlineData("custodian/seal/0")]
    [InlineData("custodian/seal/01")]
    [InlineData("custodian/seal/+1")]
    [InlineData("custodian/seal/1 ")]
    [InlineData("custodian/seal/4294967296")]
    [InlineData("custodian/seal/")]
    [InlineData("custodian/other/1")]
    [InlineData("custodian/seal/x/1")]
    [InlineData("Custodian/seal/1")]
    [InlineData("1")]
    [InlineData("")]
    public void Label_OfNoKey_IsNone(string label) =>
        Assert.False(TokenKeyNames.TryParse(System.Text.Encoding.ASCII.GetBytes(label), out _, out _));

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
        Assert.InRange(read, 1, 8 * content.Length);
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

    private static byte[] Header(EvaluationMode mode, BlobRole role, uint seal, uint? wrap)
    {
        var header = new byte[BlobHeader.Length(mode, role)];
        BlobHeader.Write(mode, role, new BlobVersions(seal, wrap), header);
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
