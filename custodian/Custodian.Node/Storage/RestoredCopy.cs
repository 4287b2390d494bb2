using Custodian.Core;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// A database that is a copy (protocol.md section 11): the attempts charged after it was made are forgotten, and whoever can bring a node
/// to start from a copy must not gain attempts by it. Its first opening leaves every record one attempt at most; until the operator has
/// accepted that in so many words, no Evaluate is answered.
/// </summary>
/// <remarks>
/// <para><c>node.is_copy</c> goes from 1, marked and not opened yet, to 2, restrained and waiting for the operator, to 0, accepted; a
/// backup of any of them is 1 again. Each step is one transaction, and nothing but the first opening writes the forgotten charges: a crash
/// on the way leaves the mark of before, and what is done again gives no record more attempts.</para>
/// <para>A copy made with the node's own backup knows that it is one, and so does a file that went through <c>custodian restore</c>. A
/// database file put back by other means does not, and nothing in it can tell.</para>
/// </remarks>
internal static class RestoredCopy
{
    private const long BatchSize = 64;
    private const int Marked = 1;
    private const int Restrained = 2;

    /// <summary>Marks a file as a copy. The time of an earlier copy stays while its loss was never accepted.</summary>
    /// <param name="copy">A connection to the file that is a copy, or a copy of one.</param>
    /// <param name="copiedMs">When it was made; 0 if nobody knows.</param>
    internal static void Mark(SqliteConnection copy, long copiedMs)
    {
        copy.Run("BEGIN IMMEDIATE");
        if (Schema.VersionOf(copy) >= 2 && MarkOf(copy) == 0)
        {
            using var note = new Statement(copy, "INSERT OR REPLACE INTO restoration (id, copied_ms, behind_ms, accepted_ms) VALUES (1, ?1, 0, 0)");
            note.Write(copiedMs);
        }

        copy.Run($"UPDATE node SET is_copy = {Marked}");
        copy.Run("COMMIT");
    }

    /// <summary>Applies <see cref="RestoreRule"/> to every account of a marked database, which then waits for the operator.</summary>
    /// <exception cref="StorageException">An account could not be written; the mark stays.</exception>
    internal static void Restrain(SqliteConnection connection, BatchTransaction transaction, ILogger logger)
    {
        if (MarkOf(connection) == Marked)
        {
            NoteBehind(connection);
            RestrainAll(connection, transaction, logger);
            connection.Run($"UPDATE node SET is_copy = {Restrained}");
        }
    }

    /// <summary>What the database says of the copy it goes on from; null when it never was one.</summary>
    internal static Restoration? Read(SqliteConnection connection) => Restoration.Read(connection);

    /// <summary>
    /// Notes the operator's acceptance. A crash before the commit leaves the node waiting; after it, it never waits again.
    /// </summary>
    internal static void Accept(SqliteConnection connection, long nowMs) => connection.InTransaction(() =>
    {
        if (MarkOf(connection) == Restrained)
        {
            using var accept = new Statement(connection, "UPDATE restoration SET accepted_ms = ?1 WHERE id = 1");
            accept.Write(nowMs);
            connection.Run("UPDATE node SET is_copy = 0");
        }
    });

    private static long MarkOf(SqliteConnection connection) => connection.Number("SELECT max(is_copy) FROM node");

    /// <summary>
    /// Keeps the time of the newest entry before the first entry of the restoration itself is appended: a crash in between finds it kept.
    /// </summary>
    private static void NoteBehind(SqliteConnection connection)
    {
        using var note = new Statement(
            connection,
            """
            INSERT INTO restoration (id, copied_ms, behind_ms, accepted_ms) VALUES (1, 0, ?1, 0)
            ON CONFLICT (id) DO UPDATE SET behind_ms = ?1 WHERE behind_ms = 0
            """);
        note.Run(NewestMs(connection));
    }

    private static long NewestMs(SqliteConnection connection)
    {
        using var newest = new Statement(connection, "SELECT entry FROM audit ORDER BY id DESC LIMIT 1");
        using Statement.Rows reader = newest.Query();
        return reader.Read() && AuditEntry.TryParse(reader.Blob(0), out AuditEntry? entry)
            ? entry.Ms
            : connection.Number("SELECT created_ms FROM node");
    }

    private static void RestrainAll(SqliteConnection connection, BatchTransaction transaction, ILogger logger)
    {
        int accounts = 0;
        int refused = 0;
        // From below every key: keys are outside the MACs, and no account may escape by one that was edited.
        for (List<(long Id, byte[] Row)> page = Page(connection, long.MinValue); page.Count > 0; page = Page(connection, page[^1].Id))
        {
            accounts += page.Count;
            refused += RestrainBatch(transaction, [.. page.Select(r => r.Row)]);
        }

        StorageLog.Restored(logger, accounts, refused);
    }

    private static int RestrainBatch(BatchTransaction transaction, byte[][] rows)
    {
        WriteCall<StateAnswer>[] calls = [.. rows.Select(r => new WriteCall<StateAnswer>(r, RestoreRule.Decide))];
        foreach (WriteCall decided in transaction.Run(calls).Decided)
        {
            decided.Complete();
        }

        return calls.Count(IsRefused);
    }

    private static bool IsRefused(WriteCall<StateAnswer> call)
    {
        try
        {
            call.WaitAsync(CancellationToken.None).GetAwaiter().GetResult();
            return false;
        }
        catch (StorageException failure) when (failure.Fault == StorageFault.Tampered)
        {
            // Refused for every call from now on, as it was before.
            return true;
        }
    }

    private static List<(long Id, byte[] Row)> Page(SqliteConnection connection, long after)
    {
        using var statement = new Statement(connection, "SELECT id, row FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2");
        using Statement.Rows reader = statement.Query(after, BatchSize);
        List<(long, byte[])> page = [];
        while (reader.Read())
        {
            page.Add((reader.Number(0), reader.Blob(1)));
        }

        return page;
    }
}
