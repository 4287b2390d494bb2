using System.Buffers.Binary;
using System.Net.Sockets;

namespace Custodian.Device;

/// <summary>What to do, and with what: pinned bytes, which whoever obeys zeroes when they are done with.</summary>
internal sealed record Order(char Verb, byte[] Bytes);

/// <summary>Orders from the test, one after another: a letter, a length of 4 bytes, the bytes. Each is answered with one letter.</summary>
internal sealed class Orders : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    internal Orders(string path) => _socket.Connect(new UnixDomainSocketEndPoint(path));

    /// <summary>The next order; null when the test has hung up.</summary>
    internal Order? Next()
    {
        Span<byte> head = stackalloc byte[5];
        if (!Fill(head))
        {
            return null;
        }

        byte[] bytes = GC.AllocateArray<byte>(BinaryPrimitives.ReadInt32BigEndian(head[1..]), pinned: true);
        return Fill(bytes) ? new Order((char)head[0], bytes) : null;
    }

    internal void Answer(char answer) => _socket.Send([(byte)answer]);

    public void Dispose() => _socket.Dispose();

    private bool Fill(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int read = _socket.Receive(bytes);
            if (read == 0)
            {
                return false;
            }

            bytes = bytes[read..];
        }

        return true;
    }
}
