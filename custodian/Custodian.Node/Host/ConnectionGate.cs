using System.Net;
using Custodian.Node.Api.Rates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Custodian.Node.Host;

/// <summary>
/// Stands before the TLS handshake, the dearest thing that a stranger can ask for without a word: so many connections are held at once in
/// all, and only so many of them of one client address, so that no one address takes them all.
/// </summary>
/// <remarks>
/// <para>In the place of Kestrel's own limit, which counts a connection until its processing ends: a peer who opens streams without end or
/// reads no answers can bring Kestrel to forget the connection in the middle of that, and its place would never come back. Here a place
/// comes back as soon as the transport has closed.</para>
/// <para>But not before the handshake is over: a transport counts as closed when the peer will send no more, and who says so right after
/// a hello would have handshakes computed beyond all limits.</para>
/// </remarks>
internal sealed class ConnectionGate
{
    private const byte All = 0;

    private static readonly object Mark = new();

    private readonly Places<byte> _places;
    private readonly Places<UInt128> _placesOfAddress;

    internal ConnectionGate(int connections, int ofAddress)
    {
        _places = new Places<byte>(connections);
        _placesOfAddress = new Places<UInt128>(ofAddress);
    }

    /// <summary>Puts the gate before the handshake, and what ends a place early after it.</summary>
    internal static void Guard(ListenOptions endpoint, LimitSettings limits, Action handshake)
    {
        var gate = new ConnectionGate(limits.Connections, limits.AddressConnections);
        endpoint.Use(next => connection => gate.PassAsync(next, connection));
        handshake();
        endpoint.Use(next => connection => FreeWithTransportAsync(next, connection));
    }

    /// <summary>Takes a place for a connection, and keeps it until all that is done for it is over.</summary>
    internal async Task PassAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        UInt128 address = ClientAddress.KeyOf((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!TryTake(address))
        {
            connection.Abort(new ConnectionAbortedException("as many connections are held as may be"));
            return;
        }

        int given = 0;
        void GiveBackOnce()
        {
            if (Interlocked.Exchange(ref given, 1) == 0)
            {
                _placesOfAddress.GiveBack(address);
                _places.GiveBack(All);
            }
        }

        connection.Items[Mark] = (Action)GiveBackOnce;
        try
        {
            await next(connection);
        }
        finally
        {
            GiveBackOnce();
        }
    }

    /// <summary>Gives the place back earlier: from here on, as soon as the transport has closed.</summary>
    internal static async Task FreeWithTransportAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        using CancellationTokenRegistration closed = connection.ConnectionClosed.Register((Action)connection.Items[Mark]!);
        await next(connection);
    }

    private bool TryTake(UInt128 address)
    {
        if (!_places.TryTake(All))
        {
            return false;
        }

        bool taken = _placesOfAddress.TryTake(address);
        if (!taken)
        {
            _places.GiveBack(All);
        }

        return taken;
    }
}
