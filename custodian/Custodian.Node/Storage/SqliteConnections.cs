using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Custodian.Node.Storage;

/// <summary>How connections to the node's database are opened and asked for single values.</summary>
internal static class SqliteConnections
{
    /// <summary>Four looks, 1, 2, 5 and 2 ms apart.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);

    /// <summary>Opens the node's database for the writer.</summary>
    /// <exception cref="StorageException">There is no such file, or it is not a node's database.</exception>
    internal static SqliteConnection OpenWriter(SqliteStoreOptions options)
    {
        SqliteConnection connection = Open(options);
        try
        {
            RefuseForeign(connection);
            connection.Run("PRAGMA journal_mode = WAL");

            // Every COMMIT is on the disk before it returns: FULL syncs the write-ahead log at each.
            connection.Run("PRAGMA synchronous = FULL");
            connection.Run("PRAGMA secure_delete = ON");
            connection.Run("PRAGMA foreign_keys = ON");

            // Savepoints keep former pages: in memory, because a temporary file would keep what is destroyed later.
            connection.Run("PRAGMA temp_store = MEMORY");
            connection.Run("PRAGMA cache_size = -16384");
            if (options.MaxPageCount > 0)
            {
                connection.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {options.MaxPageCount}"));
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Opens the node's database for reading only.</summary>
    /// <exception cref="StorageException">There is no such file, or it is not a node's database.</exception>
    internal static SqliteConnection OpenReader(SqliteStoreOptions options)
    {
        SqliteConnection connection = Open(options);
        try
        {
            RefuseForeign(connection);
            connection.Run("PRAGMA query_only = ON");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file whatever is in it; it must exist.</summary>
    internal static SqliteConnection Open(SqliteStoreOptions options)
    {
        var address = new SqliteConnectionStringBuilder
        {
            DataSource = options.Path,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,

            // SQLite itself waits for locks; the provider's own waiting ends at its first look after that.
            DefaultTimeout = 1,
        };
        var connection = new SqliteConnection(address.ToString());
        try
        {
            connection.Open();
            connection.Run("PRAGMA trusted_schema = OFF");
            SetBusyTimeout(connection, options.BusyTimeout);
            return connection;
        }
        catch (SqliteException failure)
        {
            connection.Dispose();
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    internal static void SetBusyTimeout(SqliteConnection connection, TimeSpan timeout) =>
        connection.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA busy_timeout = {(long)timeout.TotalMilliseconds}"));

    /// <summary>Runs one statement or several, and ignores what they return.</summary>
    internal static void Run(this SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>The single number that a statement returns.</summary>
    internal static long Number(this SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    /// <summary>Writes in one transaction, beside the node's writer: all of it, or nothing.</summary>
    /// <exception cref="InvalidOperationException">A transaction is open already; it stays so.</exception>
    internal static T InTransaction<T>(this SqliteConnection connection, Func<T> write)
    {
        if (connection.IsInTransaction())
        {
            throw new InvalidOperationException("a transaction is open on this connection already");
        }

        try
        {
            connection.BeginWhenFree();
            T result = write();
            connection.Run("COMMIT");
            return result;
        }
        catch
        {
            connection.RollBackIfOpen();
            throw;
        }
    }

    /// <inheritdoc cref="InTransaction{T}"/>
    internal static void InTransaction(this SqliteConnection connection, Action write) => connection.InTransaction(() =>
    {
        write();
        return true;
    });

    /// <summary>Whether a transaction is open. Some errors make SQLite roll back by itself.</summary>
    internal static bool IsInTransaction(this SqliteConnection connection) => raw.sqlite3_get_autocommit(connection.Handle) == 0;

    internal static void RollBackIfOpen(this SqliteConnection connection)
    {
        if (connection.IsInTransaction())
        {
            connection.Run("ROLLBACK");
        }
    }

    /// <summary>
    /// A writer that is never idle lets go of the database for an instant between two transactions only. SQLite's own waiting soon looks ten
    /// times a second and can miss every one of them; this looks some hundred times, for as long.
    /// </summary>
    private static void BeginWhenFree(this SqliteConnection connection)
    {
        TimeSpan patience = TimeSpan.FromMilliseconds(connection.Number("PRAGMA busy_timeout"));
        long began = Stopwatch.GetTimestamp();
        SetBusyTimeout(connection, s_look);
        try
        {
            int code;
            do
            {
                code = raw.sqlite3_exec(connection.Handle, "BEGIN IMMEDIATE");
            }
            while (code == raw.SQLITE_BUSY && Stopwatch.GetElapsedTime(began) < patience);

            // Before any other statement: the connection still knows more of the failure than its code.
            SqliteException.ThrowExceptionForRC(code, connection.Handle);
        }
        finally
        {
            SetBusyTimeout(connection, patience);
        }
    }

    private static void RefuseForeign(SqliteConnection connection)
    {
        try
        {
            if (connection.Number("PRAGMA application_id") == Schema.ApplicationId)
            {
                return;
            }
        }
        catch (SqliteException failure) when (failure.SqliteErrorCode == raw.SQLITE_NOTADB)
        {
            // Said below in words.
        }

        throw new StorageException(
            StorageFault.Unavailable, $"{connection.DataSource} is not the database of a node; check that it is the right file");
    }
}
