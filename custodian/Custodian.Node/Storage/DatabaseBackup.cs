using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>Copies a node's database while the node serves, by SQLite's online backup: the copy is of one instant.</summary>
/// <remarks>
/// The copy is of no use without the node's HSM. It is marked as one: a store opened on it has forgotten the attempts charged since, and
/// leaves its records one at most (see <see cref="RestoredCopy"/>). It keeps what is destroyed later, until the wrap key version that it
/// is under is destroyed.
/// </remarks>
internal static class DatabaseBackup
{
    /// <summary>Writes the copy: one file, without a log beside it, that appears whole or not at all.</summary>
    /// <param name="options">The database.</param>
    /// <param name="path">The copy's name; nothing may have it.</param>
    /// <param name="time">Tells the copy when it was made.</param>
    /// <exception cref="IOException">There is a file of that name, or it cannot be written.</exception>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    internal static void Write(SqliteStoreOptions options, string path, TimeProvider time)
    {
        try
        {
            using SqliteConnection source = SqliteConnections.OpenReader(options);
            DurableFile.Appear(path, ".partial", unfinished => Copy(source, unfinished, time));
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    private static void Copy(SqliteConnection source, string path, TimeProvider time)
    {
        using SqliteConnection copy = SqliteConnections.Open(new SqliteStoreOptions { Path = path });

        // Taken before the copy: what happened in between is in it, or is forgotten; never the other way round.
        long started = time.GetUtcNow().ToUnixTimeMilliseconds();
        source.BackupDatabase(copy);
        RestoredCopy.Mark(copy, started);

        // The copied pages say that a log belongs to them. A copy is one file, and says so.
        copy.Run("PRAGMA journal_mode = DELETE");
    }
}
