using System.Security.Cryptography;

namespace Custodian.Client.Tests.Stretching;

public sealed class Blake2bTests
{
    [Fact]
    public void Hash_VectorOfRfc7693AppendixA_Matches()
    {
        Assert.Equal(
            "BA80A53F981C4D0D6A2797B69F12F6E94C212F14685AC4B74B12BB6FDBFFA2D1" +
            "7D87C5392AAB792DC252D5DE4533CC9518D38AA8DBF1925AB92386EDD4009923",
            Hash("abc"u8, 64));
    }

    /// <summary>Values of another implementation, Python's hashlib: nothing, exactly one block, one byte more.</summary>
    [Theory]
    [InlineData(0, "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce")]
    [InlineData(128, "2319e3789c47e2daa5fe807f61bec2a1a6537fa03f19ff32e87eecbfd64b7e0e8ccff439ac333b040f19b0c4ddd11a61e24ac1fe0f10a039806c5dcc0da3d115")]
    [InlineData(129, "f59711d44a031d5f97a9413c065d1e614c417ede998590325f49bad2fd444d3e4418be19aec4e11449ac1a57207898bc57d76a1bcf3566292c20c683a5c4648f")]
    public void Hash_AroundOneBlock_Matches(int length, string expected)
    {
        byte[] input = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
        Assert.Equal(expected, Hash(input, 64), ignoreCase: true);
    }

    /// <summary>The hash of 2605 hashes, of every length up to four blocks and five digest sizes, against Python's hashlib.</summary>
    [Fact]
    public void Hash_EveryLengthUpToFiveBlocks_Matches()
    {
        var digests = new List<byte>();
        for (int length = 0; length <= 520; length++)
        {
            byte[] input = [.. Enumerable.Range(0, length).Select(i => (byte)((7 * i + length) & 255))];
            foreach (int size in (int[])[1, 20, 32, 48, 64])
            {
                digests.AddRange(Convert.FromHexString(Hash(input, size)));
            }
        }

        Assert.Equal(
            "cc55293f9fad513096966ea7b9eaa0020358a63f409c566be5bb1174571ea31ebb9611b0dd12dd1e189422298d07a5c629db6a948c06bb9e5631756f1689fc62",
            Hash([.. digests], 64), ignoreCase: true);
    }

    [Fact]
    public void Append_InPiecesOfEverySize_IsTheSameAsAtOnce()
    {
        byte[] input = RepeatableBytes.Of("pieces", 400);
        for (int piece = 1; piece <= 300; piece++)
        {
            using var hash = new Blake2b(32);
            for (int start = 0; start < input.Length; start += piece)
            {
                hash.Append(input.AsSpan(start, Math.Min(piece, input.Length - start)));
            }

            byte[] digest = new byte[32];
            hash.Finish(digest);
            Assert.Equal(Hash(input, 32), Convert.ToHexString(digest));
        }
    }

    /// <summary>H' over Python's hashlib: one digest, the first two-digest length, and whole and broken halves.</summary>
    [Theory]
    [InlineData(4, "3e6c02ac")]
    [InlineData(64, "f32577a3172f56657d531faaa43077bb8c9726ada7bb04dd337ec5a65454abff241ad6b87a72440e5127c6f9caa70327f2a699096e52d163eb52d9cd99620593")]
    [InlineData(65, "77baa447fe6f777c9bcb519545ce80badaf08ecb973fbb4ff45af7d8b569ec7caad65f72669d05153cdeaa563a162bb5ae4c42214551593816008dc560c5a65391")]
    [InlineData(96, "41b5590d909a09f99c2c5475f782ba721397c7dc626736a3b5b0b369bab78af24a800ffd07bd9b94e073fe5451b20caf770b68afe0839842b4723550bdf083cf9e205e5304aaec1584f10008285f563252fcfcf207ca8c755d1652168b9024af")]
    [InlineData(97, "c82ccb541fdbecd1ce8090f61f39905cbf4bc03cebd133a002c7babe4ea204fba111552004c5a5338c62d4c7561af5de2665d24d30de9407b9ba1a6ab372054d3e6fdd0c7aa46b48980189af43f3502d68d007a02b1c4efe04c13b9f39d932f335")]
    public void VariableLengthHash_Abc_Matches(int length, string expected)
    {
        byte[] output = new byte[length];
        VariableLengthHash.Hash("abc"u8, output);
        Assert.Equal(expected, Convert.ToHexString(output), ignoreCase: true);
    }

    [Fact]
    public void VariableLengthHash_ABlockOfAbc_Matches()
    {
        byte[] output = new byte[1024];
        VariableLengthHash.Hash("abc"u8, output);
        Assert.Equal(
            "6492df1f721b3aeb51184792d6408cdea912bd4b74ba8113ae617acbeb874a1d", Convert.ToHexString(SHA256.HashData(output)), ignoreCase: true);
    }

    private static string Hash(ReadOnlySpan<byte> input, int size)
    {
        byte[] digest = new byte[size];
        Blake2b.Hash(input, digest);
        return Convert.ToHexString(digest);
    }
}
