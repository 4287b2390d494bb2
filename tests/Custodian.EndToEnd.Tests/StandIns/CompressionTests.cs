using System.IO.Compression;
using System.Text;
using Grpc.Net.Compression;

namespace Custodian.EndToEnd.Tests.StandIns;

public sealed class CompressionTests
{
    private static readonly byte[] Message = Encoding.UTF8.GetBytes(new string('a', 1000));

    /// <summary>Provider, name on the wire, and the first byte of the format: RFC 1952's, RFC 1950's.</summary>
    public static TheoryData<ICompressionProvider, string, int> Providers => new()
    {
        { new GzipCompressionProvider(CompressionLevel.Fastest), "gzip", 0x1f },
        { new DeflateCompressionProvider(CompressionLevel.Fastest), "deflate", 0x78 },
    };

    [Theory]
    [MemberData(nameof(Providers))]
    public void Compress_ThenDecompress_GivesTheMessage(ICompressionProvider provider, string name, int firstByte)
    {
        using var compressed = new MemoryStream();
        using (Stream stream = provider.CreateCompressionStream(compressed, null))
        {
            stream.Write(Message);
        }

        Assert.Equal(name, provider.EncodingName);
        Assert.Equal(firstByte, compressed.GetBuffer()[0]);
        Assert.InRange(compressed.Length, 1, Message.Length / 2);
        compressed.Position = 0;
        using var plain = new MemoryStream();
        using (Stream stream = provider.CreateDecompressionStream(compressed))
        {
            stream.CopyTo(plain);
        }

        Assert.Equal(Message, plain.ToArray());
    }

    [Fact]
    public void Compress_WithALevel_UsesItInsteadOfTheDefault()
    {
        using var stored = new MemoryStream();
        using (Stream stream = new GzipCompressionProvider(CompressionLevel.Optimal).CreateCompressionStream(stored, CompressionLevel.NoCompression))
        {
            stream.Write(Message);
        }

        Assert.True(stored.Length > Message.Length);
    }
}
