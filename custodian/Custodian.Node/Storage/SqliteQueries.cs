using System.Globalization;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>What an operator asks of the database beside the accounts: counts, and the audit log.</summary>
internal static class SqliteQueries
{
    /// <summary>Rows of the audit log that are read at a time, so that a long listing holds up no checkpoint.</summary>
    private const int PageSize = 256;

    /// <summary>Accounts refused before that a status looks at again.</summary>
    private const int MostRefused = 1000;

    internal static StoreStatus Status(PooledReader reader, long tamperedSeen)
    {
        SqliteConnection connection = reader.Connection;
        List<RefusedAccount> refused = RefusedAccounts.Read(connection, MostRefused);
        int still = refused.Count(r => IsRefused(reader, r.Row));
        connection.Run("BEGIN");
        try
        {
            return new StoreStatus(
                Schema.VersionOf(connection),
                connection.Number("SELECT count(*) FROM accounts"),
                RecordsByState(connection),
                connection.Number("SELECT count(*) FROM audit"),
                tamperedSeen,
                refused,
                still,
                Restoration.Read(connection),
                Restoration.Read(connection) is null ? 0 : Restoration.LimitedRecords(connection),
                checked(connection.Number("PRAGMA page_count") * connection.Number("PRAGMA page_size")));
        }
        finally
        {
            connection.RollBackIfOpen();
        }
    }

    /// <summary>One page of the audit log, from the row of key <paramref name="from"/> on.</summary>
    internal static List<AuditRow> AuditPage(SqliteConnection connection, NodeSecrets secrets, long from, ReadOnlyMemory<byte>? account)
    {
        string filter = account is null ? "" : "AND a.account = ?2";
        using var page = new Statement(connection, string.Create(CultureInfo.InvariantCulture, $"""
            SELECT a.id, a.account, a.entry, a.mac, a.chain, (SELECT b.chain FROM audit b WHERE b.id < a.id ORDER BY b.id DESC LIMIT 1)
            FROM audit a WHERE a.id >= ?1 {filter} ORDER BY a.id LIMIT {PageSize}
            """));
        using Statement.Rows reader = account is { } row ? page.Query(from, AccountReader.AuditKey(row.Span)) : page.Query(from);
        List<AuditRow> rows = [];
        while (reader.Read())
        {
            rows.Add(Row(reader, secrets));
        }

        return rows;
    }

    private static bool IsRefused(PooledReader reader, byte[] row)
    {
        try
        {
            reader.Load(row);
            return false;
        }
        catch (StorageException failure) when (failure.Fault == StorageFault.Tampered)
        {
            return true;
        }
    }

    private static AuditRow Row(Statement.Rows reader, NodeSecrets secrets)
    {
        long id = reader.Number(0);
        byte[] bytes = reader.Blob(2);
        byte[] mac = reader.Blob(3);
        byte[] previous = reader.IsNull(5) ? [] : reader.Blob(5);
        bool isOwn = RowMacs.AreEqual(RowMacs.OfAudit(secrets, id, reader.Number(1), bytes), mac);
        bool isChained = RowMacs.AreEqual(RowMacs.OfChain(secrets, previous, mac), reader.Blob(4));
        bool parses = AuditEntry.TryParse(bytes, out AuditEntry? entry);
        return new AuditRow(id, bytes, entry, parses && isOwn && isChained);
    }

    private static Dictionary<RecordState, long> RecordsByState(SqliteConnection connection)
    {
        using var counts = new Statement(connection, "SELECT state, count(*) FROM records WHERE state IN (1, 2, 3) GROUP BY state");
        using Statement.Rows reader = counts.Query();
        Dictionary<RecordState, long> byState = new()
        {
            [RecordState.Pending] = 0,
            [RecordState.Active] = 0,
            [RecordState.Superseded] = 0,
        };
        while (reader.Read())
        {
            byState[(RecordState)reader.Number(0)] = reader.Number(1);
        }

        return byState;
    }
}
