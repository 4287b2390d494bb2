using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// A backup on its way into place: a copy of the file beside the node's database, made ready there, and then put under the database's name
/// in one step.
/// </summary>
/// <remarks>
/// Until <see cref="Place"/> renames it the old database is what it was, and what a crash leaves is a <c>.restoring</c> file that no node
/// opens and the next restore replaces. The backup itself is never opened for writing.
/// </remarks>
internal sealed class StagedCopy : IDisposable
{
    private const string Suffix = ".restoring";

    // What SQLite may have left beside a database file: the first two are part of the database.
    private static readonly string[] Companions = ["-wal", "-journal", "-shm"];

    private readonly string _target;

    private StagedCopy(string target)
    {
        _target = target;
        Options = new SqliteStoreOptions { Path = target + Suffix };
    }

    /// <summary>The copy, to open.</summary>
    internal SqliteStoreOptions Options { get; }

    /// <summary>Copies the backup beside the database that it is to become.</summary>
    /// <param name="from">The backup.</param>
    /// <param name="target">The node's database, there or not.</param>
    /// <exception cref="IOException">It cannot be read or copied, or is the database itself.</exception>
    internal static StagedCopy Take(string from, string target)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(target))
        {
            throw new IOException($"{from} is the node's own database; to accept a copy that was put there say 'custodian restore --accept' without --from");
        }

        var staged = new StagedCopy(target);
        staged.Clear();
        try
        {
            DurableFile.CopyPrivately(from, staged.Options.Path);
            foreach (string part in Companions.Take(2).Where(c => File.Exists(from + c)))
            {
                DurableFile.CopyPrivately(from + part, staged.Options.Path + part);
            }

            return staged;
        }
        catch
        {
            staged.Clear();
            throw;
        }
    }

    /// <summary>Brings the copy's schema to this program's, and marks it as a copy, which it is whatever it says of itself.</summary>
    /// <param name="secrets">Its node's secrets; they stay the caller's.</param>
    /// <param name="first">The keys that it lists if it is older than such a list.</param>
    /// <exception cref="StorageException">It is of a newer program, or cannot be written.</exception>
    internal void BringForwardAndMark(NodeSecrets secrets, KeyList first)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenWriter(Options);
            SqliteAccountStore.BringForward(connection, secrets, first);

            // Also one that was opened before: what was stored or confirmed at the node since then has no restraint yet.
            RestoredCopy.Mark(connection, copiedMs: 0);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, Options.Path);
        }
    }

    /// <summary>Puts the copy in the database's place.</summary>
    /// <returns>Where the former database is kept; null when there was none.</returns>
    /// <exception cref="StorageException">Another process has the former database open: the node still serves.</exception>
    /// <exception cref="IOException">A file could not be linked, renamed or synced; the former database is in place or kept beside it.</exception>
    internal string? Place(TimeProvider time)
    {
        MakeOneFile(Options, mustWork: true);
        DurableFile.Sync(Options.Path);
        string? aside = SetAside(time);

        // The one step that counts. Before it a start finds the former database, after it the restored one, whole and accepted.
        File.Move(Options.Path, _target, overwrite: true);
        DurableFile.SyncFolderOf(_target);
        return aside;
    }

    /// <summary>Removes what is left of a copy that was not placed.</summary>
    public void Dispose() => Clear();

    /// <summary>
    /// Gives the former database a second name, and takes away the log beside it, which SQLite would otherwise apply to the new one. A log
    /// is left only where SQLite could not read the former database; a crash between its removal and the renaming leaves that damaged
    /// database without it, and both under their second names.
    /// </summary>
    private string? SetAside(TimeProvider time)
    {
        string aside = string.Create(CultureInfo.InvariantCulture, $"{_target}.before-{time.GetUtcNow():yyyyMMdd'T'HHmmss'.'fff'Z'}");
        bool isThere = File.Exists(_target);
        if (isThere)
        {
            MakeOneFile(new SqliteStoreOptions { Path = _target, BusyTimeout = TimeSpan.FromSeconds(1) }, mustWork: false);
            DurableFile.Link(_target, aside);
        }

        string[] left = [.. Companions.Where(c => File.Exists(_target + c))];
        Array.ForEach(left, c => DurableFile.Link(_target + c, aside + c));
        DurableFile.SyncFolderOf(_target);
        Array.ForEach(left, c => File.Delete(_target + c));
        DurableFile.SyncFolderOf(_target);
        return isThere ? aside : null;
    }

    /// <summary>
    /// Takes the write-ahead log into the database and does away with it. SQLite does that only where no other process has the database
    /// open, which is how a node that still serves is noticed.
    /// </summary>
    private static void MakeOneFile(SqliteStoreOptions options, bool mustWork)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.Open(options);
            connection.Run("PRAGMA journal_mode = DELETE");
        }
        catch (SqliteException held) when (held.SqliteErrorCode is SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED)
        {
            throw new StorageException(
                StorageFault.Unavailable, $"another process has {options.Path} open: stop the node, and restore again; nothing was changed", held);
        }
        catch (SqliteException failure) when (mustWork)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
        catch (Exception damaged) when (damaged is SqliteException or StorageException && !mustWork)
        {
            // It may be why a backup is restored: it is kept as it lies, log and all.
        }
    }

    private void Clear()
    {
        File.Delete(Options.Path);
        Array.ForEach(Companions, c => File.Delete(Options.Path + c));
    }
}
