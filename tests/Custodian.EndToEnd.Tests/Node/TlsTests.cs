using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A node speaks TLS 1.3 and nothing else.</summary>
[Collection(SingleNode.Collection)]
public sealed class TlsTests(SingleNode one)
{
    [Fact]
    public async Task Connection_Tls13_IsTaken() =>
        Assert.Equal(SslProtocols.Tls13, await HandshakeAsync(SslProtocols.Tls13));

    [Fact]
    public async Task Connection_Tls12_IsRefused() =>
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(SslProtocols.Tls12));

    private async Task<SslProtocols> HandshakeAsync(SslProtocols protocol)
    {
        var address = new Uri(one.Node.Address);
        using var socket = new TcpClient(address.Host, address.Port);
        await using var tls = new SslStream(socket.GetStream());
        SslClientAuthenticationOptions options = RawCaller.Trust(one.Realm.CaFile);
        options.EnabledSslProtocols = protocol;
        options.TargetHost = address.Host;
        await tls.AuthenticateAsClientAsync(options);
        return tls.SslProtocol;
    }
}
