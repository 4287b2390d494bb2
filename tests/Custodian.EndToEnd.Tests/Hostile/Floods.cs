using System.Net.Sockets;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>
/// Attacks on a node's transport by one attacker who opens a connection and misbehaves on it until the node has hung up or the volume is
/// sent. None reads before that unless it says so.
/// </summary>
/// <param name="address">The node.</param>
/// <param name="caFile">Its authority.</param>
/// <param name="token">A good token.</param>
/// <param name="volume">How many frames, or connections, an attacker sends.</param>
internal sealed class Floods(string address, string caFile, string token, int volume)
{
    private const ushort InitialWindow = 4;
    private const string Describe = "/custodian.v1.Custody/Describe";
    private const int Batch = 100;

    /// <summary>The attack that holds as many streams open as it can.</summary>
    internal const string Held = "thousands of streams held open";

    /// <summary>How many an attacker opens for that: as many on a connection as a node allows.</summary>
    internal const int StreamsHeld = HeldConnections * StreamsOfAConnection;

    private const int HeldConnections = 8;
    private const int StreamsOfAConnection = 100;

    private static readonly byte[] Huge = Http2Connection.Call(Describe, ("x-huge", new string('y', 15_000)));
    private static readonly byte[] Part = Http2Connection.Call(Describe, ("x", new string('y', 4000)));

    private readonly byte[] _block = Http2Connection.Call(Describe, ("authorization", $"Bearer {token}"));
    private readonly Draws _draws = new("hostile/floods");
    private int _sent;

    /// <summary>How many frames, or connections, were sent so far.</summary>
    internal int Sent => Volatile.Read(ref _sent);

    /// <summary>Every attack by name.</summary>
    internal static IReadOnlyDictionary<string, Func<Floods, CancellationToken, Task>> All { get; } =
        new Dictionary<string, Func<Floods, CancellationToken, Task>>
        {
            ["streams opened and reset at once"] = (f, c) => f.FloodAsync(f.RapidReset, c),
            ["streams opened and never ended"] = (f, c) => f.FloodAsync(i => f.Open(i), c),
            [Held] = (f, c) => f.HoldAsync(c),
            ["pings whose answers are not read"] = (f, c) => f.FloodAsync(_ => Http2Connection.Frame(FrameType.Ping, 0, 0, new byte[8]), c),
            ["settings whose answers are not read"] = (f, c) => f.FloodAsync(_ => Http2Connection.Frame(FrameType.Settings, 0, 0, [0, 3, 0, 0, 0, 1]), c),
            ["one header block without end"] = (f, c) => f.AfterAsync(Http2Connection.Frame(FrameType.Headers, 0, 1, f._block), _ => Continuation(), c),
            ["empty header blocks without end"] = (f, c) => f.AfterAsync(Http2Connection.Frame(FrameType.Headers, 0, 1, f._block), _ => Http2Connection.Frame(FrameType.Continuation, 0, 1, []), c),
            ["empty data"] = (f, c) => f.AfterAsync(f.Open(0), _ => Http2Connection.Frame(FrameType.Data, 0, 1, []), c),
            ["data byte by byte"] = (f, c) => f.AfterAsync(f.Open(0), _ => Http2Connection.Frame(FrameType.Data, 0, 1, [0]), c),
            ["priorities"] = (f, c) => f.FloodAsync(i => Http2Connection.Frame(FrameType.Priority, 0, (2 * i) + 1, [0, 0, 0, 0, 16]), c),
            ["window updates"] = (f, c) => f.FloodAsync(_ => Http2Connection.Frame(FrameType.WindowUpdate, 0, 0, Http2Connection.Number(1)), c),
            ["a window beyond its bound"] = (f, c) => f.FloodAsync(_ => Http2Connection.Frame(FrameType.WindowUpdate, 0, 0, Http2Connection.Number(0x7fffffff)), c),
            ["huge metadata"] = (f, c) => f.FloodAsync(HugeMetadata, c),
            ["answers that there is no window for"] = (f, c) => f.MisbehaveAsync([], f.WholeCall, [(InitialWindow, 0)], c),
            ["frames of random bytes"] = (f, c) => f.FloodAsync(f.Garbage, c),
            ["connections that say nothing"] = (f, c) => f.ConnectionsAsync([], c),
            ["connections that begin a hello"] = (f, c) => f.ConnectionsAsync([22, 3, 1, 2, 0, 1], c),
        };

    private byte[] RapidReset(int i) =>
        [.. Open(i), .. Http2Connection.Frame(FrameType.Reset, 0, (2 * i) + 1, Http2Connection.Number(8))];

    private byte[] Open(int i) => Http2Connection.Frame(FrameType.Headers, Http2Connection.EndHeaders, (2 * i) + 1, _block);

    private static byte[] Continuation() => Http2Connection.Frame(FrameType.Continuation, 0, 1, Part);

    private static byte[] HugeMetadata(int i) =>
        Http2Connection.Frame(FrameType.Headers, Http2Connection.EndHeaders, (2 * i) + 1, Huge);

    private byte[] WholeCall(int i) =>
        [.. Open(i), .. Http2Connection.Frame(FrameType.Data, Http2Connection.EndStream, (2 * i) + 1, [0, 0, 0, 0, 0])];

    private byte[] Garbage(int i) => Http2Connection.Frame(
        (FrameType)_draws.Next(12), (byte)_draws.Next(256), _draws.Next(20), _draws.Bytes(_draws.Next(100)));

    private Task FloodAsync(Func<int, byte[]> frame, CancellationToken ended) => MisbehaveAsync([], frame, [], ended);

    private Task AfterAsync(byte[] first, Func<int, byte[]> frame, CancellationToken ended) => MisbehaveAsync(first, frame, [], ended);

    private async Task MisbehaveAsync(byte[] first, Func<int, byte[]> frame, (ushort Id, uint Value)[] settings, CancellationToken ended)
    {
        try
        {
            await using Http2Connection connection = await Http2Connection.OpenAsync(address, caFile, settings);
            await connection.WriteAsync(first);
            for (int sent = 0; sent < volume; sent += Batch)
            {
                await connection.WriteAsync(Frames(sent, frame)).WaitAsync(ended);
                Interlocked.Add(ref _sent, Batch);
            }

            await connection.DrainAsync(ended);
        }
        catch (Exception over) when (over is IOException or SocketException or OperationCanceledException)
        {
            // The node has hung up, does not take any more of it, or the attack has lasted as long as it was to.
        }
    }

    /// <summary>Each connection sends as many headers as it may have streams, and no request on any of them.</summary>
    private async Task HoldAsync(CancellationToken ended)
    {
        List<Http2Connection> held = [];
        try
        {
            for (int i = 0; i < HeldConnections; i++)
            {
                Http2Connection connection = await Http2Connection.OpenAsync(address, caFile);
                held.Add(connection);
                await connection.WriteAsync(Frames(0, Open));
                Interlocked.Add(ref _sent, StreamsOfAConnection);
            }

            await Task.WhenAll(held.Select(c => c.DrainAsync(ended)));
        }
        catch (Exception over) when (over is IOException or SocketException or OperationCanceledException)
        {
            // As above.
        }
        finally
        {
            foreach (Http2Connection connection in held)
            {
                await connection.DisposeAsync();
            }
        }
    }

    private static byte[] Frames(int from, Func<int, byte[]> frame)
    {
        using var batch = new MemoryStream();
        for (int i = from; i < from + Batch; i++)
        {
            batch.Write(frame(i));
        }

        return batch.ToArray();
    }

    private async Task ConnectionsAsync(byte[] first, CancellationToken ended)
    {
        List<TcpClient> held = [];
        try
        {
            for (int i = 0; i < volume / 10; i++)
            {
                TcpClient socket = await Http2Connection.DialAsync(address);
                held.Add(socket);
                await socket.GetStream().WriteAsync(first, ended);
                Interlocked.Increment(ref _sent);
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ended);
        }
        catch (Exception over) when (over is IOException or SocketException or OperationCanceledException)
        {
            // As above.
        }
        finally
        {
            held.ForEach(s => s.Dispose());
        }
    }
}
