using System.Text;

namespace Custodian.Protocol.Tests;

public sealed class NamesTests
{
    [Fact]
    public void Derive_EveryVector_IsItsAccountId()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Assert.Equal(c.Hex("account_id"), c.AccountId.ToArray());
            Assert.Equal(c.Text("account_id"), c.AccountId.ToString());
        }
    }

    [Fact]
    public void Derive_BoundaryBetweenIssuerAndSubjectMoved_IsAnotherAccount()
    {
        SetId set = SetId.Parse("acme-prod");

        Assert.NotEqual(AccountId.Derive(set, "ab", "c"), AccountId.Derive(set, "a", "bc"));
        Assert.NotEqual(AccountId.Derive(set, "a", ""), AccountId.Derive(set, "", "a"));
    }

    [Fact]
    public void Derive_UnpairedSurrogate_IsRefusedAndNotReplaced()
    {
        SetId set = SetId.Parse("acme-prod");

        Assert.Throws<EncoderFallbackException>(() => AccountId.Derive(set, "issuer", "user\ud800"));
        Assert.Throws<EncoderFallbackException>(() => AccountId.Derive(set, "\udc00", "user"));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("0", true)]
    [InlineData("node-1.eu-west", true)]
    [InlineData("a--b..c", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("A", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData(".a", false)]
    [InlineData("a.", false)]
    [InlineData("a_b", false)]
    [InlineData("a b", false)]
    [InlineData("a\n", false)]
    [InlineData("é", false)]
    [InlineData("a\0", false)]
    public void TryParse_Name_FollowsTheForm(string? text, bool isName)
    {
        Assert.Equal(isName, NodeId.TryParse(text, out NodeId node));
        Assert.Equal(isName, SetId.TryParse(text, out SetId set));
        Assert.Equal(isName ? text : "", node.Value);
        Assert.Equal(isName ? text : "", set.Value);
    }

    [Fact]
    public void TryParse_NameOf63And64Characters_IsTheBound()
    {
        Assert.True(NodeId.TryParse(new string('a', 63), out _));
        Assert.False(NodeId.TryParse(new string('a', 64), out _));
        Assert.Throws<FormatException>(() => NodeId.Parse(new string('a', 64)));
        Assert.Throws<FormatException>(() => SetId.Parse("A"));
    }

    [Fact]
    public void TryRead_Identifiers_TakeExactlyTheirSizeAndRoundTrip()
    {
        byte[] bytes = new RepeatableBytes("identifiers").Next(33);

        Assert.True(RecordId.TryRead(bytes.AsSpan(0, 16), out RecordId record));
        Assert.True(AttemptId.TryRead(bytes.AsSpan(0, 16), out AttemptId attempt));
        Assert.True(AccountId.TryRead(bytes.AsSpan(0, 32), out AccountId account));
        Assert.Equal(bytes[..16], record.ToArray());
        Assert.Equal(bytes[..16], attempt.ToArray());
        Assert.Equal(bytes[..32], account.ToArray());
        Assert.Equal(Convert.ToHexStringLower(bytes, 0, 16), record.ToString());
        foreach (int length in new[] { 0, 15, 17, 31, 33 })
        {
            Assert.False(RecordId.TryRead(bytes.AsSpan(0, length), out _));
            Assert.False(AttemptId.TryRead(bytes.AsSpan(0, length), out _));
            Assert.False(AccountId.TryRead(bytes.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void LengthPrefixed_Numbers_AreBigEndian() => Assert.Equal(
        Convert.FromHexString("78" + "01" + "02030405" + "060708090a0b0c0d" + "00000002" + "c3a9" + "00000001" + "ff"),
        new LengthPrefixed("x").U8(1).U32(0x02030405).U64(0x060708090a0b0c0d).Lp("é").Lp([0xff]).ToArray());
}
