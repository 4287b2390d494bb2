using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>One step forward: the statements that turn schema <c>To - 1</c> into schema <c>To</c>.</summary>
internal sealed record Migration(int To, string Sql);

/// <summary>
/// The tables, as a list of steps from an empty file to the newest schema. A database is brought forward when it is opened, never back.
/// </summary>
/// <remarks>
/// <para>Keys are integers: key order, not fsync, limits what a batch can write.</para>
/// <para><c>records</c> holds what an Evaluate rewrites, so it is small. What was deposited lies in <c>bodies</c>, encrypted, and is never
/// rewritten. The HSM's sealed part lies in <c>sealed_parts</c>, whose rows are only ever appended or overwritten in place with the same
/// length: <c>secure_delete</c> zeroes a cell when it goes, but not the stale copies that SQLite leaves in the unused middle of a page
/// when it moves cells between pages, and a row that never moves leaves none. A destroyed record's slot is overwritten with zeros and
/// listed in <c>free_slots</c> for the next of its size.</para>
/// <para><c>audit.account</c> is the first eight bytes of the account row's name, so that an account's entries are found even when its
/// row was taken away.</para>
/// <para><c>restoration</c> is the one row of a database that is, or goes on from, a copy (see <see cref="RestoredCopy"/>).
/// <c>refused_accounts</c> lists the accounts that a running node refused because a row did not authenticate; it is a notice for the
/// operator, and no rule depends on either. <c>key_uses</c> says since when new blobs are under a version of a key: by it an operator's
/// command tells whether a client may still hold one that is under the version before. <c>key_list</c> is one row that says
/// which keys the node makes new things under (<see cref="KeyList"/>).</para>
/// </remarks>
internal static class Schema
{
    /// <summary>SQLite's application_id of a node's database: "CUST".</summary>
    internal const int ApplicationId = 0x43555354;

    /// <summary>The schema from which on a database has a list of the node's keys.</summary>
    internal const int WithKeyList = 3;

    /// <summary>Every step there is, in order.</summary>
    internal static ImmutableArray<Migration> Migrations { get; } =
    [
        new(1, """
            CREATE TABLE node (
              id INTEGER PRIMARY KEY CHECK (id = 1),
              node_id TEXT NOT NULL,
              secrets BLOB NOT NULL,
              created_ms INTEGER NOT NULL,
              is_copy INTEGER NOT NULL DEFAULT 0
            ) STRICT;
            CREATE TABLE accounts (
              id INTEGER PRIMARY KEY,
              row BLOB NOT NULL UNIQUE,
              highest_generation INTEGER NOT NULL,
              forgotten_generation INTEGER NOT NULL,
              tombstones BLOB NOT NULL,
              newest_audit BLOB NOT NULL,
              mac BLOB NOT NULL
            ) STRICT;
            CREATE TABLE records (
              id INTEGER PRIMARY KEY,
              account INTEGER NOT NULL REFERENCES accounts (id),
              record_id BLOB NOT NULL,
              state INTEGER NOT NULL,
              charges BLOB NOT NULL,
              last_sequence INTEGER NOT NULL,
              confirmed_attempt BLOB NOT NULL,
              confirmed_sequence INTEGER NOT NULL,
              stored_ms INTEGER NOT NULL,
              slot INTEGER NOT NULL,
              body_tag BLOB NOT NULL,
              mac BLOB NOT NULL
            ) STRICT;
            CREATE INDEX records_of_account ON records (account);
            CREATE TABLE bodies (
              id INTEGER PRIMARY KEY REFERENCES records (id),
              body BLOB NOT NULL
            ) STRICT;
            CREATE TABLE sealed_parts (
              slot INTEGER PRIMARY KEY,
              part BLOB NOT NULL
            ) STRICT;
            CREATE TABLE free_slots (
              slot INTEGER PRIMARY KEY,
              size INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX free_slots_of_size ON free_slots (size);
            CREATE TABLE audit (
              id INTEGER PRIMARY KEY,
              account INTEGER NOT NULL,
              entry BLOB NOT NULL,
              mac BLOB NOT NULL,
              chain BLOB NOT NULL
            ) STRICT;
            CREATE INDEX audit_of_account ON audit (account, id);
            """),
        new(2, """
            CREATE TABLE restoration (
              id INTEGER PRIMARY KEY CHECK (id = 1),
              copied_ms INTEGER NOT NULL,
              behind_ms INTEGER NOT NULL,
              accepted_ms INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE refused_accounts (
              id INTEGER PRIMARY KEY,
              row BLOB NOT NULL UNIQUE,
              first_ms INTEGER NOT NULL,
              what TEXT NOT NULL
            ) STRICT;
            """),
        new(3, """
            CREATE TABLE key_uses (
              purpose INTEGER NOT NULL,
              version INTEGER NOT NULL,
              first_ms INTEGER NOT NULL,
              PRIMARY KEY (purpose, version)
            ) STRICT;
            CREATE TABLE key_list (
              id INTEGER PRIMARY KEY CHECK (id = 1),
              list BLOB NOT NULL,
              mac BLOB NOT NULL
            ) STRICT;
            """),
    ];

    /// <summary>
    /// Brings the database to the last of <paramref name="migrations"/>. Each step and its version number are one transaction: a crash
    /// leaves the step done or not begun, and opening goes on from there.
    /// </summary>
    /// <param name="connection">The database.</param>
    /// <param name="migrations">The steps.</param>
    /// <param name="taken">What else belongs to a step, in its transaction: the step's number tells which it was.</param>
    /// <exception cref="StorageException"><see cref="StorageFault.NewerSchema"/>: the database is ahead of this program.</exception>
    internal static void BringForward(SqliteConnection connection, ImmutableArray<Migration> migrations, Action<int>? taken = null)
    {
        RefuseNewer(connection, migrations);
        foreach (Migration step in migrations)
        {
            connection.Run("BEGIN IMMEDIATE");
            try
            {
                // Read inside the transaction: another process may have taken the step since.
                if (VersionOf(connection) < step.To)
                {
                    connection.Run(step.Sql);
                    connection.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {step.To}"));
                    taken?.Invoke(step.To);
                }

                connection.Run("COMMIT");
            }
            catch
            {
                connection.RollBackIfOpen();
                throw;
            }
        }
    }

    /// <summary>Refuses a database that a newer program has brought forward.</summary>
    /// <exception cref="StorageException"><see cref="StorageFault.NewerSchema"/>.</exception>
    internal static void RefuseNewer(SqliteConnection connection, ImmutableArray<Migration> migrations)
    {
        int found = VersionOf(connection);
        int known = migrations[^1].To;
        if (found > known)
        {
            throw new StorageException(
                StorageFault.NewerSchema,
                $"the database {connection.DataSource} is of schema {found} and this program knows schema {known} at most; "
                    + "run the newer program again, or restore the backup that was made before it was installed");
        }
    }

    /// <summary>
    /// Whether the tables, indexes, triggers and views are exactly those that the steps make: a trigger slipped in behind the node's back
    /// could undo every charge inside the node's own transaction.
    /// </summary>
    internal static bool IsAsMade(SqliteConnection connection, ImmutableArray<Migration> migrations)
    {
        using var model = new SqliteConnection("Data Source=:memory:;Pooling=False");
        model.Open();
        foreach (Migration step in migrations)
        {
            model.Run(step.Sql);
        }

        return Statements(model).SequenceEqual(Statements(connection), StringComparer.Ordinal);
    }

    internal static int VersionOf(SqliteConnection connection) => checked((int)connection.Number("PRAGMA user_version"));

    private static List<string> Statements(SqliteConnection connection)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1";
        using SqliteDataReader reader = command.ExecuteReader();
        List<string> statements = [];
        while (reader.Read())
        {
            statements.Add(reader.GetString(0));
        }

        return statements;
    }
}
