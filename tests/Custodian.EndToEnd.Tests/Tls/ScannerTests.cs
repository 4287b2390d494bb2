using System.Security.Cryptography;
using System.Xml.Linq;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Tls;

/// <summary>What an independent scanner, <c>sslscan</c>, finds at a node, and what the scanner does not know to ask for.</summary>
[Collection(SingleNode.Collection)]
public sealed class ScannerTests(SingleNode one)
{
    private const ushort X25519 = 0x001d;
    private const ushort X25519MlKem768 = 0x11ec;
    private const byte NoCompression = 0;
    private const byte Deflate = 1;

    private static readonly string[] Suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

    [ProgramFact("sslscan")]
    public async Task Scan_OfANode_FindsTls13AloneAndNoRenegotiation()
    {
        ProcessOutcome scan = Expect.Success(await ChildProcess.RunAsync(
            "sslscan", ["--xml=-", "--no-cipher-details", "--no-groups", new Uri(one.Node.Address).Authority]));
        XElement found = XDocument.Parse(scan.Output).Descendants("ssltest").Single();

        Assert.Equal(
            [("ssl", "2", false), ("ssl", "3", false), ("tls", "1.0", false), ("tls", "1.1", false), ("tls", "1.2", false), ("tls", "1.3", true)],
            found.Elements("protocol").Select(p => ((string)p.Attribute("type")!, (string)p.Attribute("version")!, Is(p, "enabled"))));
        Assert.Equal(Suites, found.Elements("cipher").Select(c => (string)c.Attribute("cipher")!).Order(StringComparer.Ordinal));
        Assert.All(found.Elements("cipher"), c => Assert.Equal("TLSv1.3", (string)c.Attribute("sslversion")!));
        Assert.False(Is(Assert.Single(found.Elements("renegotiation")), "supported"));
        Assert.All(found.Elements("compression"), c => Assert.False(Is(c, "supported")));
    }

    [Fact]
    public async Task Hello_OfferingCompression_IsRefused()
    {
        HelloAnswer plain = await ClientHello.SendAsync(one.Node.Address, [X25519], [NoCompression]);
        HelloAnswer compressed = await ClientHello.SendAsync(one.Node.Address, [X25519], [Deflate, NoCompression]);

        Assert.Equal(new HelloAnswer(X25519, NoCompression), plain);
        Assert.Equal(HelloAnswer.Refused, compressed);
    }

    /// <summary>Where the platform has the hybrid group a node takes it; where it has not, this says so.</summary>
    [Fact]
    public async Task Hello_OfferingTheHybridGroupAlone_IsTakenWhereThePlatformHasIt()
    {
        HelloAnswer answer = await ClientHello.SendAsync(one.Node.Address, [X25519MlKem768], [NoCompression]);

        Assert.Equal(MLKem.IsSupported ? new HelloAnswer(X25519MlKem768, NoCompression) : HelloAnswer.Refused, answer);
    }

    private static bool Is(XElement element, string attribute) => (string?)element.Attribute(attribute) == "1";
}
