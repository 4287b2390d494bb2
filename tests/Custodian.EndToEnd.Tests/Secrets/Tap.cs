using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>
/// A listener in front of a node that has the node's certificate: it keeps what went over the wire as anyone on the way sees it, and as
/// the node sees it after TLS.
/// </summary>
internal sealed class Tap : IAsyncDisposable
{
    private static readonly SslApplicationProtocol[] Protocols = [SslApplicationProtocol.Http2];

    private readonly NodeProcess _node;
    private readonly SslClientAuthenticationOptions _toNode;
    private readonly X509Certificate2 _certificate;
    private readonly TcpListener _listener = new(NodeProcess.Host, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Recording _wire = new();
    private readonly Recording _seen = new();
    private readonly Task _accepting;

    private Tap(NodeProcess node, string caFile)
    {
        _node = node;
        _certificate = X509Certificate2.CreateFromPemFile(Path.Combine(node.Folder, "tls.pem"), Path.Combine(node.Folder, "tls.key"));
        _toNode = RawCaller.Trust(caFile);
        _toNode.TargetHost = new Uri(node.Address).Host;
        _toNode.ApplicationProtocols = [.. Protocols];
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where to call instead of the node.</summary>
    internal string Address => $"https://{(IPEndPoint)_listener.LocalEndpoint}";

    /// <summary>What went over the wire in either direction.</summary>
    internal byte[] Wire => _wire.All;

    /// <summary>The same as the node sees it, and the caller.</summary>
    internal byte[] Seen => _seen.All;

    internal static Tap InFrontOf(NodeProcess node, string caFile) => new(node, caFile);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _certificate.Dispose();
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_ending.Token)));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient caller)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
        try
        {
            await using var outer = new SslStream(new Recorded(caller.GetStream(), _wire));
            await outer.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = _certificate, EnabledSslProtocols = SslProtocols.Tls13, ApplicationProtocols = [.. Protocols],
                },
                ended.Token);
            var address = new Uri(_node.Address);
            using var node = new TcpClient(address.Host, address.Port);
            await using var inner = new SslStream(node.GetStream());
            await inner.AuthenticateAsClientAsync(_toNode, ended.Token);
            await using var seen = new Recorded(outer, _seen);
            await Task.WhenAny(seen.CopyToAsync(inner, ended.Token), inner.CopyToAsync(seen, ended.Token));
            await ended.CancelAsync();
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or SocketException or AuthenticationException)
        {
            // Either end may go at any time.
        }
        finally
        {
            caller.Dispose();
        }
    }

    /// <summary>Bytes in the order they came, both directions.</summary>
    private sealed class Recording
    {
        private readonly List<byte> _bytes = [];
        private readonly Lock _writing = new();

        internal byte[] All
        {
            get
            {
                lock (_writing)
                {
                    return [.. _bytes];
                }
            }
        }

        internal void Add(ReadOnlySpan<byte> bytes)
        {
            lock (_writing)
            {
                _bytes.AddRange(bytes);
            }
        }
    }

    /// <summary>A stream of which everything is kept.</summary>
    private sealed class Recorded(Stream inner, Recording recording) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read = await inner.ReadAsync(buffer, cancellationToken);
            recording.Add(buffer.Span[..read]);
            return read;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            recording.Add(buffer.Span);
            await inner.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
