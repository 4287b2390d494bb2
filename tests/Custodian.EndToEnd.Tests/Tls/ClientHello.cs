using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Custodian.EndToEnd.Tests.Tls;

/// <summary>What a server makes of a hello: the group it chose and its compression, or neither when it refused.</summary>
internal sealed record HelloAnswer(ushort? Group, byte? Compression)
{
    internal static HelloAnswer Refused { get; } = new(null, null);
}

/// <summary>
/// A TLS 1.3 hello (RFC 8446 section 4.1.2) that offers groups but no key of any, so that a server which takes one has to name it. No
/// library stands between: what is offered does not depend on what this machine's library knows.
/// </summary>
internal static class ClientHello
{
    private const byte HandshakeRecord = 22;
    private const byte AlertRecord = 21;
    private const int KeyShare = 51;

    internal static async Task<HelloAnswer> SendAsync(string address, ushort[] groups, byte[] compressions)
    {
        var server = new Uri(address);
        using var client = new TcpClient(server.Host, server.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Record(Hello(groups, compressions)));
        byte[] head = new byte[5];
        await stream.ReadExactlyAsync(head);
        byte[] body = new byte[BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(3))];
        await stream.ReadExactlyAsync(body);
        return head[0] switch
        {
            AlertRecord => HelloAnswer.Refused,
            HandshakeRecord => Read(body),
            _ => throw new InvalidDataException($"a record of type {head[0]}"),
        };
    }

    /// <summary>Type, length, version, random, session_id, cipher, compression, extensions; the key share of a retry is a group alone.</summary>
    private static HelloAnswer Read(ReadOnlySpan<byte> hello)
    {
        int at = 4 + 2 + 32;
        at += 1 + hello[at] + 2;
        byte compression = hello[at];
        for (at += 3; at < hello.Length; at += 4 + BinaryPrimitives.ReadUInt16BigEndian(hello[(at + 2)..]))
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(hello[at..]) == KeyShare)
            {
                return new HelloAnswer(BinaryPrimitives.ReadUInt16BigEndian(hello[(at + 4)..]), compression);
            }
        }

        throw new InvalidDataException("the server chose no group");
    }

    private static byte[] Record(byte[] handshake) => [HandshakeRecord, 3, 1, .. Short(handshake.Length), .. handshake];

    private static byte[] Hello(ushort[] groups, byte[] compressions)
    {
        byte[] extensions =
        [
            .. Extension(43, [2, 3, 4]),
            .. Extension(10, Vector([.. groups.SelectMany(g => Short(g))])),
            .. Extension(13, Vector([4, 3, 8, 4])),
            .. Extension(KeyShare, Vector([])),
        ];
        byte[] body =
        [
            3, 3, .. RandomNumberGenerator.GetBytes(32), 32, .. RandomNumberGenerator.GetBytes(32), .. Vector([0x13, 1, 0x13, 2, 0x13, 3]),
            (byte)compressions.Length, .. compressions, .. Vector(extensions),
        ];
        return [1, 0, .. Short(body.Length), .. body];
    }

    private static byte[] Extension(int type, byte[] content) => [.. Short(type), .. Vector(content)];

    private static byte[] Vector(byte[] content) => [.. Short(content.Length), .. content];

    private static byte[] Short(int value) => [(byte)(value >> 8), (byte)(value & 0xff)];
}
