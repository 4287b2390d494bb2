using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Custodian.Client.Tests.Stretching;

public sealed class UserSecretTests
{
    /// <summary>What .NET's invariant globalization mode does: every text unchanged, and success.</summary>
    private static readonly Nfkc s_invariant = new(static (source, destination, out written) =>
    {
        written = source.Length;
        return source.TryCopyTo(destination);
    });

    private static readonly Nfkc s_unsupported = new(static (_, _, out _) => throw new PlatformNotSupportedException());

    public static TheoryData<string> Cases => ProtocolVectors.Names;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Stretch_ProtocolVector_GivesItsStretchedSecret(string name)
    {
        JsonElement vector = ProtocolVectors.Case(name);
        JsonElement kdf = vector.GetProperty("kdf");
        Assert.True(UserSecret.TryNormalise(vector.GetProperty("user_secret").GetString(), out SecretBytes? utf8, out _));

        using SecretBytes stretched = UserSecret.Stretch(
            utf8, kdf.Hex("salt"), kdf.GetProperty("memory_kib").GetInt32(), kdf.GetProperty("iterations").GetInt32(),
            kdf.GetProperty("parallelism").GetInt32());

        Assert.True(stretched.FixedTimeEquals(vector.Hex("stretched")));
    }

    [Theory]
    [InlineData("paﬁ Åé", "pafi Åé")]
    [InlineData("Å", "Å")]
    [InlineData("e\u0301", "\u00e9")]
    [InlineData("①Ⅳ２", "1IV2")]
    [InlineData("\u1112\u1161\u11ab", "한")]
    [InlineData("ｶﾞ", "ガ")]
    [InlineData("🔑 \uE000", "🔑 \uE000")]
    [InlineData("  inner  and outer spaces stay ", "  inner  and outer spaces stay ")]
    public void TryNormalise_Accepted_IsNfkcInUtf8(string secret, string expected)
    {
        Assert.True(UserSecret.TryNormalise(secret, out SecretBytes? utf8, out SecretProblem problem));
        Assert.Equal(SecretProblem.None, problem);
        Assert.Equal(expected, Text(utf8));
    }

    [Theory]
    [InlineData("ﷺ", 1)]
    [InlineData("ﷺ", 300)]
    [InlineData("a\u0301\u0323", 200)]
    public void TryNormalise_LongerOrShorterAfterwards_IsWhole(string piece, int count)
    {
        string secret = string.Concat(Enumerable.Repeat(piece, count));
        Assert.True(UserSecret.TryNormalise(secret, out SecretBytes? utf8, out _));
        Assert.Equal(secret.Normalize(NormalizationForm.FormKC), Text(utf8));
    }

    [Theory]
    [InlineData("", SecretProblem.Empty)]
    [InlineData("a\u0378", SecretProblem.UnassignedCodePoint)]
    [InlineData("\ufdd0", SecretProblem.UnassignedCodePoint)]
    [InlineData("a\uffff", SecretProblem.UnassignedCodePoint)]
    [InlineData("\U0010fffe", SecretProblem.UnassignedCodePoint)]
    [InlineData("\U000e0080", SecretProblem.UnassignedCodePoint)]
    public void TryNormalise_Refused_SaysWhy(string secret, SecretProblem expected)
    {
        foreach (Nfkc nfkc in (Nfkc[])[Nfkc.Platform, s_invariant])
        {
            Assert.False(UserSecret.TryNormalise(secret, nfkc, out SecretBytes? utf8, out SecretProblem problem));
            Assert.Null(utf8);
            Assert.Equal(expected, problem);
        }
    }

    [Fact]
    public void TryNormalise_HalfASurrogatePair_IsRefused()
    {
        // Not as attribute arguments: those are stored as UTF-8, which cannot hold them.
        foreach (string secret in (string[])["pin\ud83d", "\udd11pin", "\ud83da", "\ud83d\ud83d\udd11", "\udd11\ud83d"])
        {
            Assert.False(UserSecret.TryNormalise(secret, out _, out SecretProblem problem));
            Assert.Equal(SecretProblem.UnpairedSurrogate, problem);
        }
    }

    [Fact]
    public void TryNormalise_EveryNoncharacter_IsRefused()
    {
        IEnumerable<int> noncharacters =
            Enumerable.Range(0xfdd0, 32).Concat(from plane in Enumerable.Range(0, 17) from last in (int[])[0xfffe, 0xffff] select plane << 16 | last);

        Assert.All(noncharacters, codePoint =>
        {
            Assert.False(UserSecret.TryNormalise($"a{char.ConvertFromUtf32(codePoint)}", out _, out SecretProblem problem));
            Assert.Equal(SecretProblem.UnassignedCodePoint, problem);
        });
    }

    [Fact]
    public void TryNormalise_NormalisationDoesNothing_RefusesAllButAscii()
    {
        foreach (Nfkc nfkc in (Nfkc[])[s_invariant, s_unsupported])
        {
            Assert.True(UserSecret.TryNormalise("482913 correct~", nfkc, out SecretBytes? utf8, out SecretProblem problem));
            Assert.Equal("482913 correct~", Text(utf8));
            foreach (string secret in (string[])["é", "paﬁ", "a\u0301", "\u0080", "密码"])
            {
                Assert.False(UserSecret.TryNormalise(secret, nfkc, out _, out problem));
                Assert.Equal(SecretProblem.NormalisationUnavailable, problem);
            }
        }
    }

    /// <summary>The platform's own answer, and not a switch, decides: with ICU it works, in invariant mode it is seen not to.</summary>
    [Fact]
    public void PlatformNormalisation_Probed_AgreesWithWhatItDoes()
    {
        Assert.Equal("ﬁ".Normalize(NormalizationForm.FormKC) == "fi", Nfkc.Platform.Works);
        Assert.True(Nfkc.Platform.Works);
    }

    [Theory]
    [InlineData(15, 19456, 1, 1)]
    [InlineData(65, 19456, 1, 1)]
    [InlineData(16, 19455, 1, 1)]
    [InlineData(16, 1048577, 1, 1)]
    [InlineData(16, 19456, 0, 1)]
    [InlineData(16, 19456, 17, 1)]
    [InlineData(16, 19456, 1, 0)]
    [InlineData(16, 19456, 1, 17)]
    public void Stretch_ParametersThatAClientRefuses_Throws(int saltLength, int memoryKib, int iterations, int parallelism)
    {
        using var utf8 = new SecretBytes("482913"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => UserSecret.Stretch(utf8, new byte[saltLength], memoryKib, iterations, parallelism));
    }

    [Fact]
    public void Stretching_NothingSaid_Is64MebibytesThreePassesAndFourLanes() =>
        Assert.Equal(new StretchingCost(64 * 1024, 3, 4), new CustodianClientOptions().Stretching);

    [Fact]
    public void Stretch_Cancelled_Throws()
    {
        using var utf8 = new SecretBytes("482913"u8);
        Assert.Throws<OperationCanceledException>(
            () => UserSecret.Stretch(utf8, new byte[16], 19456, 1, 1, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void TryNormalise_UnderAnyCulture_IsTheSame()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("tr-TR");
            Assert.True(UserSecret.TryNormalise("Iıİi", out SecretBytes? utf8, out _));
            Assert.Equal("Iıİi", Text(utf8));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string Text(SecretBytes utf8)
    {
        byte[] bytes = new byte[utf8.Length];
        utf8.CopyTo(bytes);
        return Encoding.UTF8.GetString(bytes);
    }
}
