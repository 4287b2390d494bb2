using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// The line to one node, as TCP: it passes bytes on without looking into them, and fails as it is told, at any moment. What is to happen at
/// one certain call is for whoever reads the calls.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private const int Backlog = 512;

    private readonly Func<IPEndPoint> _node;
    private readonly ConcurrentDictionary<ProxiedLine, Task> _lines = [];
    private readonly Lock _changing = new();
    private LineFaults _faults = LineFaults.None;
    private TaskCompletionSource _changed = NewChange();
    private Socket _listener;
    private Task _accepting;

    private FaultProxy(Func<IPEndPoint> node)
    {
        _node = node;
        _listener = Bind(0);
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _listener.Listen(Backlog);
        _accepting = AcceptAsync(_listener);
    }

    internal IPEndPoint EndPoint { get; }

    /// <summary>https://127.0.1.1:port, the same for the life of the proxy.</summary>
    internal string Address => $"https://{EndPoint}";

    /// <summary>How many connections it carries.</summary>
    internal int Connections => _lines.Count;

    /// <summary>What is wrong with the line. Setting it takes effect at once.</summary>
    internal LineFaults Faults
    {
        get
        {
            lock (_changing)
            {
                return _faults;
            }
        }

        set
        {
            lock (_changing)
            {
                _faults = value;
                _changed.SetResult();
                _changed = NewChange();
            }
        }
    }

    /// <summary>What is recorded; null before <see cref="Record"/>.</summary>
    internal LineRecording? Recording { get; private set; }

    /// <summary>Starts one on a port of its own.</summary>
    /// <param name="node">Where to; asked anew for every connection.</param>
    internal static FaultProxy Start(Func<IPEndPoint> node) => new(node);

    /// <summary>Starts one in front of a node, which may be restarted.</summary>
    internal static FaultProxy Start(NodeProcess node) => new(() => IPEndPoint.Parse(new Uri(node.Address).Authority));

    /// <summary>Sets what is wrong, until the result is disposed; then the line is as it was.</summary>
    internal IDisposable With(LineFaults faults)
    {
        LineFaults before = Faults;
        Faults = faults;
        return new Ending(() => Faults = before);
    }

    /// <summary>Keeps every byte from now on.</summary>
    internal LineRecording Record() => Recording = new LineRecording();

    /// <summary>Closes every connection, as a process does that ends in good order.</summary>
    internal void Cut() => Each(line => line.Dispose());

    /// <summary>Resets every connection: RST, and what was under way is lost.</summary>
    internal void Reset() => Each(line => line.Reset());

    /// <summary>
    /// Ends the direction to the client of every connection and keeps the other open: the client reads an end, and may write for ever.
    /// </summary>
    internal void HoldHalfOpen() => Each(line => line.HoldHalfOpen());

    /// <summary>Refuses new connections until the result is disposed; those there are stay.</summary>
    internal async Task<IAsyncDisposable> RefuseAsync()
    {
        _listener.Dispose();
        await _accepting;

        // Bound and not listening: whoever comes is refused, and nobody takes the port meanwhile.
        _listener = Bind(EndPoint.Port);
        return new Ending(() =>
        {
            _listener.Listen(Backlog);
            _accepting = AcceptAsync(_listener);
        });
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
        Cut();
        await Task.WhenAll(_lines.Values);
    }

    /// <summary>The faults as soon as they do not stall this direction.</summary>
    internal async ValueTask<LineFaults> FlowingAsync(bool replies, CancellationToken cancellation)
    {
        while (true)
        {
            (LineFaults faults, Task changed) = Look();
            if (!faults.Stalls(replies))
            {
                return faults;
            }

            await changed.WaitAsync(cancellation);
        }
    }

    private static TaskCompletionSource NewChange() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static Socket Bind(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(NodeProcess.Host, port));
        return socket;
    }

    private (LineFaults Faults, Task Changed) Look()
    {
        lock (_changing)
        {
            return (_faults, _changed.Task);
        }
    }

    private void Each(Action<ProxiedLine> action)
    {
        foreach (ProxiedLine line in _lines.Keys)
        {
            action(line);
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var line = new ProxiedLine(this, await listener.AcceptAsync());
                _lines[line] = Task.CompletedTask;
                _lines.TryUpdate(line, RunAsync(line), Task.CompletedTask);
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The listener was closed.
        }
    }

    private async Task RunAsync(ProxiedLine line)
    {
        await Task.Yield();
        await line.RunAsync(_node());
        line.Dispose();
        _lines.TryRemove(line, out _);
    }

    private sealed class Ending(Action end) : IDisposable, IAsyncDisposable
    {
        public void Dispose() => end();

        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }
}
