using System.Text.Json;

namespace Custodian.Client.Tests.Sharing;

public sealed class ShamirTests
{
    private static readonly byte[] s_secret = RepeatableBytes.Of("recovery key", 32);

    public static TheoryData<string> Cases => ProtocolVectors.Names;

    public static TheoryData<int> Thresholds => [.. Enumerable.Range(1, 5)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Split_ProtocolVector_GivesItsShares(string name)
    {
        (int threshold, byte[] indexes, byte[] expected) = Sharing(name);
        JsonElement vector = ProtocolVectors.Case(name);
        byte[] shares = new byte[expected.Length];

        Shamir.Split(vector.Hex("recovery_key"), threshold, vector.Hex("shamir_coefficients"), indexes, shares);

        Assert.Equal(expected, shares);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Combine_EverySubsetOfAProtocolVector_GivesItsKey(string name)
    {
        (int threshold, byte[] indexes, byte[] shares) = Sharing(name);
        byte[] key = ProtocolVectors.Case(name).Hex("recovery_key");

        foreach (int[] subset in Subsets(indexes.Length, threshold))
        {
            Assert.Equal(key, Combine(subset, indexes, shares, 32));
        }
    }

    [Theory]
    [MemberData(nameof(Thresholds))]
    public void Combine_EverySubsetOfThresholdOutOfUpToFive_GivesTheSecret(int threshold)
    {
        for (int count = threshold; count <= 5; count++)
        {
            byte[] indexes = [.. Enumerable.Range(0, count).Select(i => (byte)(255 - 50 * i))];
            byte[] shares = new byte[count * 32];
            Shamir.Split(s_secret, threshold, indexes, shares);
            Assert.All(Subsets(count, threshold), subset => Assert.Equal(s_secret, Combine(subset, indexes, shares, 32)));
        }
    }

    [Fact]
    public void Combine_AllOf255SharesOfTheHighestThreshold_GivesTheSecret()
    {
        byte[] indexes = [.. Enumerable.Range(1, 255).Select(i => (byte)i)];
        byte[] shares = new byte[255 * 32];
        byte[] secret = new byte[32];

        Shamir.Split(s_secret, 255, indexes, shares);
        Shamir.Combine(indexes, shares, secret);

        Assert.Equal(s_secret, secret);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(100)]
    public void SplitCombineExtrapolate_AnyLength_RoundTrip(int length)
    {
        byte[] secret = RepeatableBytes.Of("lengths", length);
        byte[] coefficients = RepeatableBytes.Of("coefficients", 2 * length);
        byte[] indexes = [9, 1, 77, 4];
        byte[] given = new byte[4 * length];
        byte[] drawn = new byte[4 * length];

        Shamir.Split(secret, 3, coefficients, indexes, given);
        Shamir.Split(secret, 3, indexes, drawn);

        Assert.Equal(ByDefinition(secret, coefficients, indexes), given);
        foreach (byte[] shares in (byte[][])[given, drawn])
        {
            byte[] fourth = new byte[length];
            Shamir.Extrapolate([9, 1, 77], shares.AsSpan(0, 3 * length), 4, fourth);
            Assert.Equal(secret, Combine([0, 1, 2], indexes, shares, length));
            Assert.Equal(shares[(3 * length)..], fourth);
        }
    }

    [Fact]
    public void Split_ThresholdOne_EveryShareIsTheSecret()
    {
        byte[] shares = new byte[64];
        Shamir.Split(s_secret, 1, [3, 8], shares);
        Assert.Equal([.. s_secret, .. s_secret], shares);
    }

    [Fact]
    public void Split_Twice_DrawsOtherCoefficients()
    {
        byte[] first = new byte[96];
        byte[] second = new byte[96];
        Shamir.Split(s_secret, 2, [1, 2, 3], first);
        Shamir.Split(s_secret, 2, [1, 2, 3], second);
        Assert.NotEqual(first, second);
    }

    /// <summary>
    /// For each secret, every pair of values of two shares comes from exactly one choice of the two coefficients. So with uniform
    /// coefficients two shares of a threshold of three are uniform, whatever the secret is: they fit any.
    /// </summary>
    [Theory]
    [InlineData(0x00)]
    [InlineData(0x01)]
    [InlineData(0xa5)]
    public void Split_OneShareLessThanTheThreshold_FitsEverySecretEquallyWell(byte secret)
    {
        bool[] seen = new bool[65536];
        byte[] shares = new byte[3];
        for (int coefficients = 0; coefficients < 65536; coefficients++)
        {
            Shamir.Split([secret], 3, [(byte)(coefficients & 255), (byte)(coefficients >> 8)], [2, 5, 7], shares);
            Assert.False(seen[shares[0] << 8 | shares[1]]);
            seen[shares[0] << 8 | shares[1]] = true;
        }
    }

    [Fact]
    public void Split_ManyTimes_EveryByteOfAShareTakesEveryValueAboutEquallyOften()
    {
        int[] counts = new int[256];
        byte[] shares = new byte[96];
        for (int i = 0; i < 4096; i++)
        {
            Shamir.Split(s_secret, 3, [1, 2, 3], shares);
            foreach (byte value in shares.AsSpan(0, 32))
            {
                counts[value]++;
            }
        }

        // 512 expected for each, standard deviation 22.6: eight of them are not left by chance once in 10^12 runs.
        Assert.All(counts, count => Assert.InRange(count, 512 - 181, 512 + 181));
    }

    [Fact]
    public void Extrapolate_ShareChangedInOneBit_IsNotOnThePolynomial()
    {
        byte[] shares = new byte[5 * 32];
        byte[] expected = new byte[32];
        Shamir.Split(s_secret, 3, [1, 2, 3, 4, 5], shares);
        Shamir.Extrapolate([1, 3, 5], [.. shares[..32], .. shares[64..96], .. shares[128..]], 4, expected);
        byte[] liar = [.. shares[96..128]];

        Assert.Equal(liar, expected);
        liar[17] ^= 0x40;
        Assert.NotEqual(liar, expected);
    }

    [Fact]
    public void Extrapolate_ToAGivenIndex_GivesThatShareBack()
    {
        byte[] share = new byte[2];
        Shamir.Extrapolate([4, 9], [1, 2, 3, 4], 9, share);
        Assert.Equal([3, 4], share);
    }

    [Fact]
    public void Combine_SharesMaskedWithASharingOfZero_GivesTheSameSecret()
    {
        byte[] shares = new byte[96];
        byte[] zero = new byte[96];
        Shamir.Split(s_secret, 2, [1, 2, 3], shares);
        Shamir.Split(new byte[32], 2, [1, 2, 3], zero);

        byte[] refreshed = [.. shares.Zip(zero, (a, b) => (byte)(a ^ b))];

        Assert.Equal(s_secret, Combine([0, 2], [1, 2, 3], refreshed, 32));
    }

    [Fact]
    public void EveryOperation_Warm_AllocatesNothing()
    {
        byte[] shares = new byte[5 * 32];
        byte[] result = new byte[32];
        ReadOnlySpan<byte> indexes = [1, 2, 3, 4, 5];
        Shamir.Split(s_secret, 3, indexes, shares);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Shamir.Split(s_secret, 3, indexes, shares);
            Shamir.Combine(indexes[..3], shares.AsSpan(0, 96), result);
            Shamir.Extrapolate(indexes[..3], shares.AsSpan(0, 96), 4, result);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(new byte[] { }, 1, 0)]
    [InlineData(new byte[] { 0, 1 }, 1, 64)]
    [InlineData(new byte[] { 1, 2, 1 }, 2, 96)]
    [InlineData(new byte[] { 1, 2 }, 0, 64)]
    [InlineData(new byte[] { 1, 2 }, -1, 64)]
    [InlineData(new byte[] { 1, 2 }, 3, 64)]
    [InlineData(new byte[] { 1, 2 }, 2, 63)]
    [InlineData(new byte[] { 1, 2 }, 2, 96)]
    public void Split_OutsideItsForm_Throws(byte[] indexes, int threshold, int sharesLength)
    {
        byte[] shares = new byte[sharesLength];
        Assert.ThrowsAny<ArgumentException>(() => Shamir.Split(s_secret, threshold, indexes, shares));
        Assert.Equal(new byte[sharesLength], shares);
    }

    [Fact]
    public void Split_EmptySecretOrSharesOverTheSecret_Throws()
    {
        byte[] both = new byte[96];
        Assert.Throws<ArgumentException>(() => Shamir.Split([], 1, [1], []));
        Assert.Throws<ArgumentException>(() => Shamir.Split(both.AsSpan(0, 32), 2, [1, 2], both.AsSpan(16, 64)));
        Assert.Throws<ArgumentException>(() => Shamir.Split(s_secret, 2, new byte[31], [1, 2], new byte[64]));
    }

    [Theory]
    [InlineData(new byte[] { }, 0, 32)]
    [InlineData(new byte[] { 0 }, 32, 32)]
    [InlineData(new byte[] { 5, 5 }, 64, 32)]
    [InlineData(new byte[] { 5, 6 }, 65, 32)]
    [InlineData(new byte[] { 5, 6 }, 32, 32)]
    [InlineData(new byte[] { 5, 6 }, 0, 0)]
    public void CombineAndExtrapolate_OutsideTheirForm_Throw(byte[] indexes, int sharesLength, int resultLength)
    {
        Assert.ThrowsAny<ArgumentException>(() => Shamir.Combine(indexes, new byte[sharesLength], new byte[resultLength]));
        Assert.ThrowsAny<ArgumentException>(() => Shamir.Extrapolate(indexes, new byte[sharesLength], 9, new byte[resultLength]));
    }

    [Fact]
    public void CombineAndExtrapolate_ResultOverTheSharesOrTargetZero_Throw()
    {
        byte[] both = new byte[64];
        Assert.Throws<ArgumentException>(() => Shamir.Combine([1, 2], both, both.AsSpan(0, 32)));
        Assert.ThrowsAny<ArgumentException>(() => Shamir.Extrapolate([1, 2], both, 0, new byte[32]));
    }

    private static (int Threshold, byte[] Indexes, byte[] Shares) Sharing(string name)
    {
        JsonElement vector = ProtocolVectors.Case(name);
        JsonElement[] participants = [.. vector.GetProperty("participants").EnumerateArray()];
        return (
            vector.GetProperty("threshold").GetInt32(),
            [.. participants.Select(p => p.GetProperty("index").GetByte())],
            [.. participants.SelectMany(p => p.Hex("share"))]);
    }

    private static byte[] Combine(int[] subset, byte[] indexes, byte[] shares, int length)
    {
        byte[] secret = new byte[length];
        Shamir.Combine(
            [.. subset.Select(i => indexes[i])], [.. subset.SelectMany(i => shares.AsSpan(i * length, length).ToArray())], secret);
        return secret;
    }

    private static byte[] ByDefinition(byte[] secret, byte[] coefficients, byte[] indexes)
    {
        int perByte = coefficients.Length / secret.Length;
        return
        [
            .. from index in indexes
               from at in Enumerable.Range(0, secret.Length)
               select Value(index, [secret[at], .. coefficients[(at * perByte)..((at + 1) * perByte)]]),
        ];
    }

    private static byte Value(byte x, byte[] polynomial)
    {
        byte value = 0;
        byte power = 1;
        foreach (byte coefficient in polynomial)
        {
            value ^= Gf256.MultiplyPublic(coefficient, power);
            power = Gf256.MultiplyPublic(power, x);
        }

        return value;
    }

    private static IEnumerable<int[]> Subsets(int count, int size) =>
        Enumerable.Range(0, 1 << count)
            .Select(mask => Enumerable.Range(0, count).Where(i => (mask >> i & 1) == 1).ToArray())
            .Where(subset => subset.Length == size);
}
