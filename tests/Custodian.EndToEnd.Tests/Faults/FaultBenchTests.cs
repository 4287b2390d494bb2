using System.Net;
using System.Net.Sockets;
using System.Text;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>The bench itself: each fault is seen by who is on the line, and ends when it is told to.</summary>
public sealed class FaultBenchTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    private readonly TcpListener _echo = new(NodeProcess.Host, 0);
    private FaultProxy _proxy = null!;

    public Task InitializeAsync()
    {
        _echo.Start();
        _proxy = FaultProxy.Start(() => (IPEndPoint)_echo.LocalEndpoint);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _proxy.DisposeAsync();

    public void Dispose() => _echo.Dispose();

    [Fact]
    public async Task Line_Good_CarriesBothWaysAndRecordsThem()
    {
        LineRecording recording = _proxy.Record();
        (TcpClient client, TcpClient node) = await ConnectAsync();
        using (client)
        using (node)
        {
            await SendAsync(client, "request");
            Assert.Equal("request", await ReadAsync(node, 7));
            await SendAsync(node, "reply");
            Assert.Equal("reply", await ReadAsync(client, 5));
        }

        Assert.Equal("request"u8.ToArray(), recording.Requests);
        Assert.True(recording.Holds("repl"u8));
        Assert.False(recording.Holds("request reply"u8));
    }

    [Fact]
    public async Task Line_WithLatency_CarriesNothingSooner()
    {
        (TcpClient client, TcpClient node) = await ConnectAsync();
        using (client)
        using (node)
        using (_proxy.With(new LineFaults { Latency = TimeSpan.FromMilliseconds(120) }))
        {
            long began = TimeProvider.System.GetTimestamp();
            await SendAsync(client, "x");
            await ReadAsync(node, 1);
            Assert.True(TimeProvider.System.GetElapsedTime(began) >= TimeSpan.FromMilliseconds(110));
        }
    }

    [Fact]
    public async Task Line_Throttled_TakesItsTime()
    {
        (TcpClient client, TcpClient node) = await ConnectAsync();
        using (client)
        using (node)
        using (_proxy.With(new LineFaults { BytesPerSecond = 10_000 }))
        {
            long began = TimeProvider.System.GetTimestamp();
            await SendAsync(client, new string('x', 2000));
            await ReadAsync(node, 2000);
            Assert.True(TimeProvider.System.GetElapsedTime(began) >= TimeSpan.FromMilliseconds(180));
        }
    }

    [Fact]
    public async Task Line_Stalled_CarriesWhenItFlowsAgain()
    {
        (TcpClient client, TcpClient node) = await ConnectAsync();
        using (client)
        using (node)
        {
            LineRecording recording = _proxy.Record();
            Task<string> read;
            using (_proxy.With(LineFaults.Stalled))
            {
                await SendAsync(client, "x");
                read = ReadAsync(node, 1);
                await UntilAsync(() => recording.Requests.Length == 1);
                Assert.False(read.IsCompleted, "a byte passed a line that is stalled");
            }

            Assert.Equal("x", await read);
        }
    }

    [Fact]
    public async Task Line_RepliesLost_CarriesRequestsAlone()
    {
        (TcpClient client, TcpClient node) = await ConnectAsync();
        using (client)
        using (node)
        {
            LineRecording recording = _proxy.Record();
            Task<string> read = ReadAsync(client, 5);
            using (_proxy.With(LineFaults.RepliesLost))
            {
                await SendAsync(client, "request");
                Assert.Equal("request", await ReadAsync(node, 7));
                await SendAsync(node, "reply");
                await UntilAsync(() => recording.Replies.Length == 5);
            }

            Assert.False(read.IsCompleted, "a reply passed");
            _proxy.Cut();
            Assert.Equal("", await read);
        }
    }

    [Fact]
    public async Task Line_CutOrReset_EndsAsEachDoes()
    {
        (TcpClient first, TcpClient firstNode) = await ConnectAsync();
        using (first)
        using (firstNode)
        {
            _proxy.Cut();
            Assert.Equal(0, await first.Client.ReceiveAsync(new byte[1]));
        }

        (TcpClient second, TcpClient secondNode) = await ConnectAsync();
        using (second)
        using (secondNode)
        {
            _proxy.Reset();
            SocketException reset = await Assert.ThrowsAsync<SocketException>(async () => await second.Client.ReceiveAsync(new byte[1]));
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        }
    }

    [Fact]
    public async Task Line_HeldHalfOpen_EndsForTheClientAndStillCarriesItsRequests()
    {
        (TcpClient client, TcpClient node) = await ConnectAsync();
        using (client)
        using (node)
        {
            _proxy.HoldHalfOpen();
            Assert.Equal(0, await client.Client.ReceiveAsync(new byte[1]));
            await SendAsync(client, "request");
            Assert.Equal("request", await ReadAsync(node, 7));
        }
    }

    [Fact]
    public async Task Line_Refusing_TakesNoConnectionUntilItEnds()
    {
        await using (await _proxy.RefuseAsync())
        {
            using var refused = new TcpClient();
            SocketException error = await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(_proxy.EndPoint));
            Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
        }

        (TcpClient client, TcpClient node) = await ConnectAsync();
        client.Dispose();
        node.Dispose();
    }

    [Fact]
    public async Task Realm_Proxied_IsReachedThroughTheProxiesAndSurvivesARestart()
    {
        await using Realm realm = await Realm.StartAsync(1, proxied: true);
        string subject = realm.NewSubject();
        await realm.EnrolAsync(subject, "secret", realm.NewKey());
        await (await realm.Nodes[0].DownAsync()).DisposeAsync();

        ProcessOutcome recovered = await realm.CustodyAsync(subject, "secret", "recover", "--out", realm.NewFile("key"));
        Expect.Success(recovered);

        await using (await realm.Proxies[0].RefuseAsync())
        {
            await using CustodianClient device = realm.Client(subject, o => o.MaxRetries = 0);
            await Assert.ThrowsAsync<TooFewNodesException>(() => device.RecoverAsync("secret"));
        }
    }

    [FakeClockFact]
    public async Task Clock_SteppedWhileTheNodeRuns_IsTheNodesClock()
    {
        List<FakeClock> clock = [];
        await using Realm realm = await Realm.StartAsync(1, prepare: n => clock.Add(FakeClock.For(n)));
        NodeProcess node = realm.Nodes[0];
        using RawCaller caller = realm.CallerFor(node, realm.NewSubject());
        var request = new Custodian.Protocol.Wire.DescribeRequest { SetId = realm.SetId };
        await caller.Client.DescribeAsync(request, caller.Headers);

        await FakeClock.StepAsync(clock, TimeSpan.FromHours(5));
        WireRefusal tooOld = await WireRefusal.OfAsync(caller.Client.DescribeAsync(request, caller.Headers));
        realm.Issuer.Ahead = TimeSpan.FromHours(5);
        await caller.Client.DescribeAsync(request, caller.Headers);

        Assert.Equal(RefusalReason.TokenRejected.WireName(), tooOld.Reason);
    }

    [SmallDiskFact]
    public async Task Disk_Filled_TakesNothingUntilThereIsRoomAndIsReadOnlyWhenTold()
    {
        await using SmallDisk disk = await SmallDisk.MountAsync(256);
        string file = Path.Combine(disk.Folder, "file");
        disk.Fill();
        await Assert.ThrowsAsync<IOException>(() => File.WriteAllTextAsync(file, "text"));

        disk.MakeRoom();
        await File.WriteAllTextAsync(file, "text");
        await disk.SetReadOnlyAsync(true);

        await Assert.ThrowsAsync<IOException>(() => File.WriteAllTextAsync(file, "other"));
        Assert.Equal("text", await File.ReadAllTextAsync(file));
    }

    private static async Task SendAsync(TcpClient to, string text) => await to.Client.SendAsync(Encoding.ASCII.GetBytes(text));

    /// <summary>So many characters, or fewer when the line ends before.</summary>
    private static async Task<string> ReadAsync(TcpClient from, int length)
    {
        using var patience = new CancellationTokenSource(Long, TimeProvider.System);
        byte[] bytes = new byte[length];
        return Encoding.ASCII.GetString(bytes, 0, await from.GetStream().ReadAtLeastAsync(bytes, length, throwOnEndOfStream: false, patience.Token));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Long, TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        while (!condition())
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    private async Task<(TcpClient Client, TcpClient Node)> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(_proxy.EndPoint);
        return (client, await _echo.AcceptTcpClientAsync());
    }
}
