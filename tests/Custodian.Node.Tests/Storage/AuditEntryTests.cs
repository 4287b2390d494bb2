using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

public sealed class AuditEntryTests
{
    private static readonly RecordId Record = RecordId.Read(Convert.FromHexString("000102030405060708090a0b0c0d0e0f"));
    private static readonly AttemptId Attempt = AttemptId.Read(Convert.FromHexString("101112131415161718191a1b1c1d1e1f"));

    [Fact]
    public void Encode_KnownValues_AreTheseBytes()
    {
        byte[] row = Enumerable.Repeat((byte)0xaa, 32).ToArray();
        byte[] mac = Enumerable.Repeat((byte)0xbb, 32).ToArray();
        byte[] random = Enumerable.Repeat((byte)0xcc, 16).ToArray();
        var entry = new AuditEntry(
            NodeId.Parse("node-a"), 0x0102030405060708, new AuditEvent(AuditKind.Charged, Record, 9, Attempt, 3), row, mac, random);
        string expected = "01"
            + "00000006" + "6e6f64652d61"
            + "0102030405060708"
            + "03"
            + "00000020" + new string('a', 64)
            + "00000010" + "000102030405060708090a0b0c0d0e0f"
            + "0000000000000009"
            + "00000010" + "101112131415161718191a1b1c1d1e1f"
            + "00000003"
            + "00000020" + new string('b', 64)
            + new string('c', 32);
        Assert.Equal(expected, Convert.ToHexStringLower(entry.Encode()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TryParse_EveryKind_ComesBack(byte kind)
    {
        foreach (AttemptId? attempt in (AttemptId?[])[null, Attempt])
        {
            AuditEntry entry = Entry((AuditKind)kind, attempt);
            Assert.True(AuditEntry.TryParse(entry.Encode(), out AuditEntry? parsed));
            Assert.Equal((entry.Node, entry.Ms, entry.Event), (parsed.Node, parsed.Ms, parsed.Event));
            Assert.Equal(entry.AccountRow.ToArray(), parsed.AccountRow.ToArray());
            Assert.Equal(entry.RowMac.ToArray(), parsed.RowMac.ToArray());
            Assert.Equal(entry.Random.ToArray(), parsed.Random.ToArray());
        }
    }

    public static TheoryData<byte> Kinds => [.. Enum.GetValues<AuditKind>().Select(k => (byte)k)];

    [Fact]
    public void TryParse_EveryTruncationAndAByteMore_IsRefused()
    {
        byte[] bytes = Entry(AuditKind.Charged, Attempt).Encode();
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.False(AuditEntry.TryParse(bytes.AsMemory(0, length), out _));
        }

        Assert.False(AuditEntry.TryParse((byte[])[.. bytes, 0], out _));
    }

    [Fact]
    public void TryParse_AnyMutation_IsRefusedOrEncodesToTheSameBytes()
    {
        byte[] bytes = Entry(AuditKind.Confirmed, Attempt).Encode();
        int accepted = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] mutated = Mutate(bytes);
            if (AuditEntry.TryParse(mutated, out AuditEntry? parsed))
            {
                accepted++;
                Assert.Equal(mutated, parsed.Encode());
            }
        }

        Assert.InRange(accepted, 1, 19_999);
    }

    [Theory]
    [InlineData(0, "00")]
    [InlineData(0, "02")]
    [InlineData(5, "4e")]
    [InlineData(19, "00")]
    [InlineData(19, "ff")]
    [InlineData(1, "ffffffff")]
    [InlineData(20, "7fffffff")]
    [InlineData(20, "00000000")]
    public void TryParse_FieldOutsideItsForm_IsRefused(int at, string hex)
    {
        byte[] bytes = Entry(AuditKind.Charged, Attempt).Encode();
        Convert.FromHexString(hex).CopyTo(bytes, at);
        Assert.False(AuditEntry.TryParse(bytes, out _));
    }

    private static AuditEntry Entry(AuditKind kind, AttemptId? attempt) => new(
        NodeId.Parse("node-a"),
        -1,
        new AuditEvent(kind, Record, ulong.MaxValue, attempt, uint.MaxValue),
        RandomNumberGenerator.GetBytes(32),
        RandomNumberGenerator.GetBytes(32),
        RandomNumberGenerator.GetBytes(16));

    /// <summary>One byte changed, inserted or removed.</summary>
    private static byte[] Mutate(byte[] bytes)
    {
        int at = RandomNumberGenerator.GetInt32(bytes.Length);
        byte[] fresh = RandomNumberGenerator.GetBytes(1);
        return RandomNumberGenerator.GetInt32(3) switch
        {
            0 => [.. bytes[..at], .. fresh, .. bytes[(at + 1)..]],
            1 => [.. bytes[..at], .. fresh, .. bytes[at..]],
            _ => [.. bytes[..at], .. bytes[(at + 1)..]],
        };
    }
}
