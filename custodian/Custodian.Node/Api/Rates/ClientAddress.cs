using System.Buffers.Binary;
using System.Net;

namespace Custodian.Node.Api.Rates;

/// <summary>What counts as one client's address: an IPv4 address, or the /64 of an IPv6 address, which is what one site is given.</summary>
internal static class ClientAddress
{
    private const int NetworkBytes = 8;

    /// <summary>The key of a connection's other end; one for all where there is no address, as in a test without a network.</summary>
    internal static UInt128 KeyOf(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        (address ?? IPAddress.IPv6None).MapToIPv6().TryWriteBytes(bytes, out _);
        if (address is { IsIPv4MappedToIPv6: false, AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 })
        {
            bytes[NetworkBytes..].Clear();
        }

        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
