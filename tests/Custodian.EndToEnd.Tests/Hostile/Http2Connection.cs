using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>The types of RFC 9113 section 6.</summary>
internal enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    Reset = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>
/// An HTTP/2 connection without a library: it sends any frame in any order, from an address of attackers, and reads only when it is told
/// to.
/// </summary>
internal sealed class Http2Connection : IAsyncDisposable
{
    internal const byte EndStream = 1;
    internal const byte EndHeaders = 4;

    private static readonly IPAddress Attackers = IPAddress.Parse("127.66.6.6");

    private readonly TcpClient _socket;
    private readonly SslStream _tls;

    private Http2Connection(TcpClient socket, SslStream tls) => (_socket, _tls) = (socket, tls);

    /// <summary>Connects without TLS.</summary>
    internal static async Task<TcpClient> DialAsync(string address)
    {
        var node = new Uri(address);
        var socket = new TcpClient(new IPEndPoint(Attackers, 0));
        await socket.ConnectAsync(IPAddress.Parse(node.Host), node.Port);
        return socket;
    }

    /// <summary>Connects, and says the preface and its settings.</summary>
    /// <param name="address">The node.</param>
    /// <param name="caFile">Its authority.</param>
    /// <param name="settings">Identifiers and values.</param>
    internal static async Task<Http2Connection> OpenAsync(string address, string caFile, params (ushort Id, uint Value)[] settings)
    {
        TcpClient socket = await DialAsync(address);
        var tls = new SslStream(socket.GetStream());
        SslClientAuthenticationOptions options = RawCaller.Trust(caFile);
        options.TargetHost = new Uri(address).Host;
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        await tls.AuthenticateAsClientAsync(options);
        var connection = new Http2Connection(socket, tls);
        await tls.WriteAsync(Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        await connection.SendAsync(FrameType.Settings, 0, 0, [.. settings.SelectMany(Setting)]);
        return connection;
    }

    /// <summary>Bytes of one frame.</summary>
    internal static byte[] Frame(FrameType type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = (byte)type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>The header block of a gRPC call: literals without indexing and without Huffman coding.</summary>
    internal static byte[] Call(string path, params (string Name, string Value)[] headers) =>
    [
        .. Field(":method", "POST"), .. Field(":scheme", "https"), .. Field(":path", path), .. Field(":authority", "node"),
        .. Field("content-type", "application/grpc"), .. Field("te", "trailers"), .. headers.SelectMany(h => Field(h.Name, h.Value)),
    ];

    internal static byte[] Number(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    internal Task SendAsync(FrameType type, byte flags, int stream, byte[] payload) => WriteAsync(Frame(type, flags, stream, payload));

    /// <summary>Writes bytes as they are.</summary>
    internal async Task WriteAsync(ReadOnlyMemory<byte> bytes) => await _tls.WriteAsync(bytes);

    /// <summary>Reads and drops what comes, until the node has hung up.</summary>
    internal async Task DrainAsync(CancellationToken cancellation)
    {
        while (await ReadAsync(cancellation) is not null)
        {
        }
    }

    /// <summary>The type of the next frame that is of a stream, but for window updates; null when the node has hung up.</summary>
    internal async Task<FrameType?> NextOnStreamAsync(CancellationToken cancellation)
    {
        while (await ReadAsync(cancellation) is { } frame)
        {
            if (frame.Stream != 0 && frame.Type != FrameType.WindowUpdate)
            {
                return frame.Type;
            }
        }

        return null;
    }

    private async Task<(FrameType Type, int Stream)?> ReadAsync(CancellationToken cancellation)
    {
        byte[] head = new byte[9];
        try
        {
            await _tls.ReadExactlyAsync(head, cancellation);
            await _tls.ReadExactlyAsync(new byte[(head[0] << 16) | (head[1] << 8) | head[2]], cancellation);
            return ((FrameType)head[3], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)));
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Without a word, as an attacker leaves.
        _socket.Client.Close(0);
        await _tls.DisposeAsync();
        _socket.Dispose();
    }

    private static byte[] Setting((ushort Id, uint Value) setting) => [(byte)(setting.Id >> 8), (byte)(setting.Id & 0xff), .. Number(setting.Value)];

    private static byte[] Field(string name, string value) => [0, .. Text(name), .. Text(value)];

    /// <summary>RFC 7541 section 5.2, the length in a prefix of 7 bits.</summary>
    private static byte[] Text(string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        List<byte> length = [(byte)Math.Min(bytes.Length, 127)];
        if (bytes.Length >= 127)
        {
            int rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7)
            {
                length.Add((byte)((rest & 0x7f) | 0x80));
            }

            length.Add((byte)rest);
        }

        return [.. length, .. bytes];
    }
}
