using Custodian.Core;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>Appends audit entries, each in the transaction of the change it tells of. One thread at a time.</summary>
internal sealed class AuditWriter(SqliteConnection connection, NodeId node, NodeSecrets secrets, TimeProvider time) : IDisposable
{
    private readonly Statement _last = new(connection, "SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1");
    private readonly Statement _chain = new(connection, "SELECT chain FROM audit WHERE id = ?1");
    private readonly Statement _insert = new(connection, "INSERT INTO audit (id, account, entry, mac, chain) VALUES (?1, ?2, ?3, ?4, ?5)");

    /// <summary>Appends the entry of an event.</summary>
    /// <param name="what">The event.</param>
    /// <param name="account">The account's row as it shall be; its newest_audit are the entry's random bytes.</param>
    /// <param name="accountMac">That row's MAC.</param>
    /// <returns>Where the log now ends.</returns>
    internal AuditTail Append(AuditEvent what, AccountColumns account, byte[] accountMac)
    {
        long ms = time.GetUtcNow().ToUnixTimeMilliseconds();
        byte[] entry = new AuditEntry(node, ms, what, account.Row, accountMac, account.NewestAudit).Encode();
        (long id, byte[] previous) = Last();
        id++;
        long key = AccountReader.AuditKey(account.Row);
        byte[] mac = RowMacs.OfAudit(secrets, id, key, entry);
        byte[] chain = RowMacs.OfChain(secrets, previous, mac);
        _insert.Write(id, key, entry, mac, chain);
        return new AuditTail(id, chain);
    }

    /// <summary>Whether the log still has the place where it once ended.</summary>
    internal bool Contains(AuditTail tail)
    {
        using Statement.Rows reader = _chain.Query(tail.Id);
        return reader.Read() && RowMacs.AreEqual(tail.Chain, reader.Blob(0));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _last.Dispose();
        _chain.Dispose();
        _insert.Dispose();
    }

    private (long Id, byte[] Chain) Last()
    {
        using Statement.Rows reader = _last.Query();
        return reader.Read() ? (reader.Number(0), reader.Blob(1)) : (0, []);
    }
}
