using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>Finds out whether the database takes writes, by one: room for the largest call is asked for and given up, and a page is written as it was.</summary>
internal static class WriteProbe
{
    /// <summary>More than the largest Deposit takes, so that whoever passes this can be served whatever they send.</summary>
    private const int Room = 128 * 1024;

    /// <summary>
    /// Over a connection of its own, as a command of the operator would. A crash in it leaves nothing, or the first page written once more.
    /// </summary>
    /// <exception cref="StorageException">The database takes no writes, or another process holds it.</exception>
    internal static void Run(SqliteStoreOptions options)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenWriter(options);
            connection.InTransaction(() =>
            {
                connection.Run($"SAVEPOINT room; CREATE TABLE room (filled BLOB); INSERT INTO room VALUES (zeroblob({Room})); ROLLBACK TO room");
                connection.Run($"PRAGMA user_version = {connection.Number("PRAGMA user_version")}");
            });
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }
}
