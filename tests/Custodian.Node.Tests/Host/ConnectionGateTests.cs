using System.Net;
using Custodian.Node.Host;
using Microsoft.AspNetCore.Connections;

namespace Custodian.Node.Tests.Host;

/// <summary>How long a connection holds its place.</summary>
public sealed class ConnectionGateTests
{
    private readonly ConnectionGate _gate = new(connections: 10, ofAddress: 1);
    private readonly TaskCompletionSource _work = new();

    [Fact]
    public async Task Pass_PeerSendsNoMoreInTheMiddleOfAHandshake_KeepsItsPlaceUntilThatIsOver()
    {
        using var sending = new CancellationTokenSource();
        Task handshake = _gate.PassAsync(_ => _work.Task, Connection(sending.Token));
        await sending.CancelAsync();

        Assert.False(await IsServedAsync());
        _work.SetResult();
        await handshake;
        Assert.True(await IsServedAsync());
    }

    [Fact]
    public async Task Pass_TransportClosedAfterTheHandshake_GivesItsPlaceBackThoughItsWorkNeverEnds()
    {
        using var sending = new CancellationTokenSource();
        _ = _gate.PassAsync(
            connection => ConnectionGate.FreeWithTransportAsync(_ => _work.Task, connection), Connection(sending.Token));
        Assert.False(await IsServedAsync());

        await sending.CancelAsync();

        Assert.True(await IsServedAsync());
    }

    private static DefaultConnectionContext Connection(CancellationToken closed) =>
        new() { RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1), ConnectionClosed = closed };

    private async Task<bool> IsServedAsync()
    {
        bool served = false;
        await _gate.PassAsync(
            _ =>
            {
                served = true;
                return Task.CompletedTask;
            },
            Connection(CancellationToken.None));
        return served;
    }
}
