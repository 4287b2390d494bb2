using System.Net.Sockets;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>Connections that do not go on are not kept, or anyone could hold as many as a node takes.</summary>
[Trait("Effort", "Long")]
[Collection(AttackedNode.Collection)]
public sealed class SlowConnectionsTests(AttackedNode attacked)
{
    /// <summary>Longer than any of the node's timeouts for a connection that has begun something.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("")]
    [InlineData("160301")]
    public async Task Connection_StopsInItsHello_IsClosed(string hello)
    {
        using TcpClient socket = await Http2Connection.DialAsync(attacked.Node.Address);
        await socket.GetStream().WriteAsync(Convert.FromHexString(hello));
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);

        Assert.Equal(0, await EndAsync(socket, patience.Token));
    }

    [Fact]
    public async Task Stream_HeadersWithoutEnd_IsClosed()
    {
        await using Http2Connection connection = await OpenAsync();
        await connection.SendAsync(FrameType.Headers, 0, 1, Http2Connection.Call("/custodian.v1.Custody/Describe"));
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);

        await connection.DrainAsync(patience.Token);
    }

    [Fact]
    public async Task Stream_BodyThatStops_IsAnsweredOrEnded()
    {
        await using Http2Connection connection = await OpenAsync();
        await connection.SendAsync(
            FrameType.Headers, Http2Connection.EndHeaders, 1, Http2Connection.Call("/custodian.v1.Custody/Describe"));
        await connection.SendAsync(FrameType.Data, 0, 1, [0, 0, 0]);
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);

        Assert.Contains(await connection.NextOnStreamAsync(patience.Token), new FrameType?[] { FrameType.Headers, FrameType.Reset, null });
    }

    private Task<Http2Connection> OpenAsync() => Http2Connection.OpenAsync(attacked.Node.Address, attacked.Realm.CaFile);

    private static async Task<int> EndAsync(TcpClient socket, CancellationToken cancellation)
    {
        try
        {
            return await socket.GetStream().ReadAsync(new byte[1], cancellation);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
