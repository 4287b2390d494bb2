using System.Net;
using Custodian.Node.Api.Rates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Custodian.Node.Host;

/// <summary>
/// Stands before the TLS handshake, the dearest thing that a stranger can ask for without a word: of one client address only so many
/// connections are held at once, so that no one address takes them all.
/// </summary>
internal static class ConnectionGate
{
    /// <summary>Puts the gate before whatever is configured after it. 0 sets no limit.</summary>
    internal static void LimitConnectionsOfAddress(this ListenOptions endpoint, int atOnce)
    {
        var places = new Places<UInt128>(atOnce);
        endpoint.Use(next => connection => PassAsync(next, connection, places));
    }

    private static async Task PassAsync(ConnectionDelegate next, ConnectionContext connection, Places<UInt128> places)
    {
        UInt128 address = ClientAddress.KeyOf((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!places.TryTake(address))
        {
            connection.Abort(new ConnectionAbortedException("the client's address holds as many connections as it may"));
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            places.GiveBack(address);
        }
    }
}
