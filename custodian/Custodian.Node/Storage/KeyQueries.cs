using System.Collections.Immutable;
using Custodian.Core;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>A live record's sealed part as it lies in the database: nothing here was authenticated.</summary>
/// <param name="Id">The record row's key; keys rise.</param>
/// <param name="Row">The name of the account's row.</param>
/// <param name="Record">The record.</param>
/// <param name="Part">The HSM's blob.</param>
internal sealed record StoredPart(long Id, byte[] Row, RecordId Record, byte[] Part)
{
    /// <summary>The version of the seal key that it names; 0 if it names none.</summary>
    internal uint SealVersion => BlobVersions.TryRead(Part, out BlobVersions versions) ? versions.Seal : 0;
}

/// <summary>What the database says of the HSM's keys, and what is under them.</summary>
internal static class KeyQueries
{
    private const long PageSize = 256;

    private const long ScanSize = 1000;

    /// <summary>What of the records and secrets is under which versions; of any schema that this program knows.</summary>
    internal static KeyUse Use(SqliteConnection connection)
    {
        // A slot is the part's length and then the part, which begins with its header. A page at a time, each its own read: a longer one
        // would keep the log from being truncated, and with it calls that destroy.
        using var page = new Statement(connection, $"""
            SELECT r.id, substr(s.part, 5, {BlobVersions.HeaderLength}) FROM records r JOIN sealed_parts s ON s.slot = r.slot
            WHERE r.id > ?1 ORDER BY r.id LIMIT {ScanSize}
            """);
        Dictionary<BlobVersions, long> records = [];
        long unreadable = 0, read = ScanSize;
        for (long last = long.MinValue; read == ScanSize;)
        {
            read = 0;
            using Statement.Rows reader = page.Query(last);
            while (reader.Read())
            {
                (last, read) = (reader.Number(0), read + 1);
                byte[] header = reader.Blob(1);
                if (BlobVersions.TryRead(header, out BlobVersions versions) && BlobVersions.AreOfRecord(header))
                {
                    records[versions] = records.GetValueOrDefault(versions) + 1;
                }
                else
                {
                    unreadable++;
                }
            }
        }

        return new KeyUse([.. records.Select(r => new RecordsUnder(r.Key, r.Value))], unreadable, SecretsOf(connection), FirstUses(connection));
    }

    /// <summary>The sealed parts of live records, a page of them in the order of their keys.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="after">The key after which the page begins.</param>
    internal static List<StoredPart> Parts(SqliteConnection connection, long after)
    {
        using var find = new Statement(
            connection,
            """
            SELECT r.id, a.row, r.record_id, s.part FROM records r JOIN accounts a ON a.id = r.account JOIN sealed_parts s ON s.slot = r.slot
            WHERE r.id > ?1 AND length(a.row) = 32 AND length(r.record_id) = 16 ORDER BY r.id LIMIT ?2
            """);
        using Statement.Rows reader = find.Query(after, PageSize);
        List<StoredPart> page = [];
        while (reader.Read())
        {
            page.Add(new StoredPart(reader.Number(0), reader.Blob(1), RecordId.Read(reader.Blob(2)), PartIn(reader)));
        }

        return page;
    }

    /// <summary>
    /// Notes that new blobs are under a version from now on. The last time counts: in between others may have been in use, by a node that
    /// had lost this one.
    /// </summary>
    internal static void NoteUse(SqliteConnection connection, KeyPurpose purpose, uint version, long nowMs)
    {
        using var note = new Statement(connection, "INSERT OR REPLACE INTO key_uses (purpose, version, first_ms) VALUES (?1, ?2, ?3)");
        note.Run((long)purpose, (long)version, nowMs);
    }

    /// <summary>
    /// Exchanges the node's sealed secrets for the same under another key. A crash leaves the one or the other, and both open.
    /// </summary>
    /// <returns>Whether they were still those.</returns>
    internal static bool ReplaceSecrets(SqliteConnection connection, byte[] former, byte[] resealed)
    {
        using var replace = new Statement(connection, "UPDATE node SET secrets = ?2 WHERE id = 1 AND secrets = ?1");
        replace.Run(former, resealed);
        return connection.Number("SELECT changes()") == 1;
    }

    /// <summary>When a record was last sealed anew, if that was after a time; for some seconds a call may still hold the part of before.</summary>
    internal static long? ResealedAfter(SqliteConnection connection, long ms)
    {
        using var entries = new Statement(connection, "SELECT entry FROM audit ORDER BY id DESC");
        using Statement.Rows reader = entries.Query();
        while (reader.Read())
        {
            bool isRead = AuditEntry.TryParse(reader.Blob(0), out AuditEntry? entry);
            if (isRead && entry!.Ms <= ms)
            {
                return null;
            }

            if (isRead && entry!.Event.Kind == AuditKind.Resealed)
            {
                return entry.Ms;
            }
        }

        return null;
    }

    private static byte[] PartIn(Statement.Rows reader)
    {
        try
        {
            return SealedSlot.Unpad(reader.Blob(3));
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private static BlobVersions? SecretsOf(SqliteConnection connection)
    {
        using var secrets = new Statement(connection, "SELECT secrets FROM node WHERE id = 1");
        using Statement.Rows reader = secrets.Query();
        return reader.Read() && BlobVersions.TryRead(reader.Blob(0), out BlobVersions versions) ? versions : null;
    }

    private static ImmutableDictionary<(KeyPurpose, uint), long> FirstUses(SqliteConnection connection)
    {
        var uses = ImmutableDictionary.CreateBuilder<(KeyPurpose, uint), long>();
        if (Schema.VersionOf(connection) < Schema.WithKeyList)
        {
            return uses.ToImmutable();
        }

        using var all = new Statement(connection, "SELECT purpose, version, first_ms FROM key_uses WHERE version BETWEEN 1 AND 4294967295");
        using Statement.Rows reader = all.Query();
        while (reader.Read())
        {
            uses[((KeyPurpose)reader.Number(0), (uint)reader.Number(1))] = reader.Number(2);
        }

        return uses.ToImmutable();
    }
}
