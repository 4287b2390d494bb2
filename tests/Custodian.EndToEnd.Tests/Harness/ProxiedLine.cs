using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>One connection through a <see cref="FaultProxy"/>.</summary>
internal sealed class ProxiedLine(FaultProxy proxy, Socket client) : IDisposable
{
    private const int ChunkSize = 16 * 1024;
    private const int ChunksUnderWay = 64;

    private readonly Socket _node = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly CancellationTokenSource _closing = new();
    private volatile bool _isHalfOpen;
    private volatile bool _lostReplies;

    /// <summary>Carries bytes until both sides have ended, or one has failed.</summary>
    internal async Task RunAsync(IPEndPoint node)
    {
        try
        {
            client.NoDelay = true;

            // One that stalls has no node behind it yet.
            await proxy.FlowingAsync(replies: false, _closing.Token);
            await _node.ConnectAsync(node, _closing.Token);
            await Task.WhenAll(CarryAsync(client, _node, replies: false), CarryAsync(_node, client, replies: true));
        }
        catch (Exception ended) when (IsEnd(ended))
        {
            // Either side is gone, and so is the other.
        }

        client.Dispose();
        _node.Dispose();
    }

    /// <summary>Ends both sides in good order; from any thread, any number of times.</summary>
    public void Dispose()
    {
        // The sockets are closed when nothing waits on them any more: closing them before would reset them.
        TryOn(client, socket => socket.Shutdown(SocketShutdown.Both));
        TryOn(_node, socket => socket.Shutdown(SocketShutdown.Both));
        _closing.Cancel();
    }

    internal void Reset()
    {
        foreach (Socket socket in new[] { client, _node })
        {
            TryOn(socket, s => s.LingerState = new LingerOption(true, 0));
        }

        client.Dispose();
        _node.Dispose();
        _closing.Cancel();
    }

    internal void HoldHalfOpen()
    {
        _isHalfOpen = true;
        TryOn(client, socket => socket.Shutdown(SocketShutdown.Send));
    }

    private static bool IsEnd(Exception failure) =>
        failure is SocketException or ObjectDisposedException or OperationCanceledException or ChannelClosedException;

    private static void TryOn(Socket socket, Action<Socket> action)
    {
        try
        {
            action(socket);
        }
        catch (Exception gone) when (IsEnd(gone))
        {
            // It is closed already, or was never connected.
        }
    }

    private async Task CarryAsync(Socket from, Socket to, bool replies)
    {
        var underWay = Channel.CreateBounded<(long Due, byte[] Bytes)>(ChunksUnderWay);
        Task reading = ReadAsync(from, underWay.Writer, replies);
        try
        {
            await foreach ((long due, byte[] bytes) in underWay.Reader.ReadAllAsync(_closing.Token))
            {
                await PassAsync(to, due, bytes, replies);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            Dispose();
            throw;
        }
        finally
        {
            underWay.Writer.TryComplete();
            await reading;
        }
    }

    private async Task ReadAsync(Socket from, ChannelWriter<(long Due, byte[] Bytes)> underWay, bool replies)
    {
        byte[] buffer = new byte[ChunkSize];
        try
        {
            while (await from.ReceiveAsync(buffer, _closing.Token) is > 0 and int read)
            {
                proxy.Recording?.Add(replies, buffer.AsSpan(0, read));
                await underWay.WriteAsync((TimeProvider.System.GetTimestamp(), buffer[..read]), _closing.Token);
            }

            underWay.TryComplete();
        }
        catch (Exception ended) when (IsEnd(ended))
        {
            underWay.TryComplete(ended);
        }
    }

    private async Task PassAsync(Socket to, long came, byte[] bytes, bool replies)
    {
        LineFaults faults = await proxy.FlowingAsync(replies, _closing.Token);
        await WaitAsync(faults.Latency - TimeProvider.System.GetElapsedTime(came));
        if (faults.BytesPerSecond is { } rate)
        {
            await WaitAsync(TimeSpan.FromSeconds((double)bytes.Length / rate));
        }

        // The rest of a TLS stream with a hole in it is worth nothing.
        _lostReplies |= replies && faults.SwallowsReplies;
        if (!replies || !(_lostReplies || _isHalfOpen))
        {
            await to.SendAsync(bytes, _closing.Token);
        }
    }

    private Task WaitAsync(TimeSpan time) =>
        time > TimeSpan.Zero ? Task.Delay(time, TimeProvider.System, _closing.Token) : Task.CompletedTask;
}
