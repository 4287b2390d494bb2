using Custodian.Core;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>Appends audit entries, each in the transaction of the change it tells of. One thread at a time.</summary>
internal sealed class AuditWriter(SqliteConnection connection, NodeId node, NodeSecrets secrets, TimeProvider time) : IDisposable
{
    private readonly Statement _last = new(connection, "SELECT id, mac FROM audit ORDER BY id DESC LIMIT 1");
    private readonly Statement _insert = new(connection, "INSERT INTO audit (id, account, entry, mac) VALUES (?1, ?2, ?3, ?4)");

    /// <summary>Appends the entry of an event.</summary>
    /// <param name="what">The event.</param>
    /// <param name="account">The account's row as it shall be; its newest_audit are the entry's random bytes.</param>
    /// <param name="accountMac">That row's MAC.</param>
    internal void Append(AuditEvent what, AccountColumns account, byte[] accountMac)
    {
        long ms = time.GetUtcNow().ToUnixTimeMilliseconds();
        byte[] entry = new AuditEntry(node, ms, what, account.Row, accountMac, account.NewestAudit).Encode();
        (long id, byte[] mac) = Last();
        id++;
        _insert.Write(id, AccountReader.AuditKey(account.Row), entry, RowMacs.OfAudit(secrets, mac, id, entry));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _last.Dispose();
        _insert.Dispose();
    }

    private (long Id, byte[] Mac) Last()
    {
        using Statement.Rows reader = _last.Query();
        return reader.Read() ? (reader.Number(0), reader.Blob(1)) : (0, []);
    }
}
