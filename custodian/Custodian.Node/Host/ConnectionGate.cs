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
/// In the place of Kestrel's own limit, which counts a connection until its processing ends: a peer who opens streams without end or reads
/// no answers can bring Kestrel to forget the connection in the middle of that, and its place would never come back. Here a place comes
/// back as soon as the transport has closed.
/// </remarks>
internal sealed class ConnectionGate
{
    private const byte All = 0;

    private readonly Places<byte> _places;
    private readonly Places<UInt128> _placesOfAddress;

    private ConnectionGate(LimitSettings limits)
    {
        _places = new Places<byte>(limits.Connections);
        _placesOfAddress = new Places<UInt128>(limits.AddressConnections);
    }

    /// <summary>Puts the gate before whatever is configured after it.</summary>
    internal static void Guard(ListenOptions endpoint, LimitSettings limits)
    {
        var gate = new ConnectionGate(limits);
        endpoint.Use(next => connection => gate.PassAsync(next, connection));
    }

    private async Task PassAsync(ConnectionDelegate next, ConnectionContext connection)
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

        try
        {
            using CancellationTokenRegistration closed = connection.ConnectionClosed.Register(GiveBackOnce);
            await next(connection);
        }
        finally
        {
            GiveBackOnce();
        }
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
