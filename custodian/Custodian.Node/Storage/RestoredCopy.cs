using Custodian.Core;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// The first opening of a database that is a copy (protocol.md section 11): the attempts charged after it was made are forgotten, and
/// whoever can bring a node to start from a copy must not gain attempts by it.
/// </summary>
/// <remarks>
/// A copy made with the node's own backup knows that it is one. A database file put back by other means does not, and nothing in it can
/// tell. A crash on the way leaves the mark, and the next opening begins again: no record gets more attempts for it.
/// </remarks>
internal static class RestoredCopy
{
    private const long BatchSize = 64;

    /// <summary>Applies <see cref="RestoreRule"/> to every account of a marked database, then takes the mark away.</summary>
    /// <exception cref="StorageException">An account could not be written; the mark stays.</exception>
    internal static void Restrain(SqliteConnection connection, BatchTransaction transaction, ILogger logger)
    {
        if (connection.Number("SELECT count(*) FROM node WHERE is_copy <> 0") == 0)
        {
            return;
        }

        int accounts = 0;
        int refused = 0;
        for (List<(long Id, byte[] Row)> page = Page(connection, 0); page.Count > 0; page = Page(connection, page[^1].Id))
        {
            accounts += page.Count;
            refused += RestrainBatch(transaction, [.. page.Select(r => r.Row)]);
        }

        connection.Run("UPDATE node SET is_copy = 0");
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
