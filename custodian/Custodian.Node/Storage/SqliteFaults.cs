using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Custodian.Node.Storage;

/// <summary>What SQLite's result codes mean to a node.</summary>
internal static class SqliteFaults
{
    /// <summary>The same failure in the store's words. Its message names the result code and the path, nothing of a row.</summary>
    internal static StorageException Translate(SqliteException failure, string path) => failure.SqliteErrorCode switch
    {
        raw.SQLITE_FULL => new StorageException(
            StorageFault.Full, $"the database {path} can take no more: the disk is full, or its page limit is reached", failure),
        raw.SQLITE_CANTOPEN => new StorageException(
            StorageFault.Unavailable, $"the database {path} cannot be opened; is it there, and readable and writable for this user?", failure),
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new StorageException(
            StorageFault.Unavailable, $"the database {path} is held by another process", failure),
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new StorageException(
            StorageFault.Unavailable,
            $"the database {path} is damaged (SQLite result {failure.SqliteExtendedErrorCode}); 'custodian verify' says where, and 'custodian restore' puts "
                + "a backup in its place and keeps it",
            failure),
        raw.SQLITE_READONLY => new StorageException(
            StorageFault.Unavailable, $"the database {path} cannot be written; is its file system mounted read-only?", failure),
        raw.SQLITE_IOERR => new StorageException(
            StorageFault.Unavailable,
            $"reading or writing the database {path} failed (SQLite result {failure.SqliteExtendedErrorCode}); look into the disk and the system's log",
            failure),
        _ => new StorageException(
            StorageFault.Unavailable, $"the database {path} failed with SQLite result {failure.SqliteExtendedErrorCode}", failure),
    };

    /// <summary>The exception a caller sees: the store's own for SQLite's, any other as it is.</summary>
    internal static Exception ForCaller(Exception failure, string path) =>
        failure is SqliteException sqlite ? Translate(sqlite, path) : failure;
}
