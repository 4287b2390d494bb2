using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Custodian.Node.Storage;

/// <summary>A statement that is prepared once and run often, with parameters <c>?1</c>, <c>?2</c> and so on. One thread at a time.</summary>
/// <remarks>
/// Straight on SQLite's own interface, on a connection that the provider has opened: the provider binds by name, allocates a reader for
/// every run and retries a busy database in its own way, which together cost more than the decisions they serve.
/// </remarks>
internal sealed class Statement : IDisposable
{
    private readonly sqlite3 _connection;
    private readonly sqlite3_stmt _statement;

    /// <exception cref="SqliteException">It is no statement of this database.</exception>
    internal Statement(SqliteConnection connection, string sql)
    {
        _connection = connection.Handle!;
        Check(raw.sqlite3_prepare_v2(_connection, sql, out _statement));
    }

    /// <summary>The rows it returns; the statement can be run again once they are disposed.</summary>
    /// <param name="values">The parameters in order: <see cref="long"/>, <see cref="string"/> or an array of bytes each.</param>
    internal Rows Query(params ReadOnlySpan<object> values)
    {
        Bind(values);
        return new Rows(this);
    }

    /// <summary>Runs it for its effect, whatever it touches.</summary>
    /// <exception cref="SqliteException">SQLite refused it; some failures take the whole transaction with them.</exception>
    internal void Run(params ReadOnlySpan<object> values)
    {
        using Rows rows = Query(values);
        while (rows.Read())
        {
        }
    }

    /// <summary>Runs it for its effect on exactly one row.</summary>
    /// <returns>The key of the last row inserted.</returns>
    /// <exception cref="StorageException">It touched no row or several: the tables are not what the node made.</exception>
    /// <exception cref="SqliteException">SQLite refused it; some failures take the whole transaction with them.</exception>
    internal long Write(params ReadOnlySpan<object> values)
    {
        Run(values);
        return raw.sqlite3_changes(_connection) == 1
            ? raw.sqlite3_last_insert_rowid(_connection)
            : throw new StorageException(StorageFault.Tampered, "a row that was there is gone, or the database undoes what is written");
    }

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private void Bind(ReadOnlySpan<object> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Check(values[i] switch
            {
                long number => raw.sqlite3_bind_int64(_statement, i + 1, number),
                byte[] { Length: 0 } => raw.sqlite3_bind_zeroblob(_statement, i + 1, 0),
                byte[] blob => raw.sqlite3_bind_blob(_statement, i + 1, blob),
                string text => raw.sqlite3_bind_text(_statement, i + 1, text),
                _ => throw new ArgumentException("a parameter of a type that no column has", nameof(values)),
            });
        }
    }

    private void Check(int result)
    {
        if (result is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
        {
            SqliteException.ThrowExceptionForRC(result, _connection);
        }
    }

    /// <summary>The rows of one run. A value of another type than asked for is an <see cref="InvalidCastException"/>.</summary>
    internal readonly ref struct Rows(Statement owner) : IDisposable
    {
        private readonly Statement _owner = owner;

        /// <summary>Goes to the next row; false when there is none.</summary>
        internal bool Read()
        {
            int result = raw.sqlite3_step(_owner._statement);
            _owner.Check(result);
            return result == raw.SQLITE_ROW;
        }

        internal bool IsNull(int column) => TypeOf(column) == raw.SQLITE_NULL;

        internal long Number(int column)
        {
            Require(column, raw.SQLITE_INTEGER);
            return raw.sqlite3_column_int64(_owner._statement, column);
        }

        internal byte[] Blob(int column)
        {
            Require(column, raw.SQLITE_BLOB);
            return raw.sqlite3_column_blob(_owner._statement, column).ToArray();
        }

        internal string Text(int column)
        {
            Require(column, raw.SQLITE_TEXT);
            return raw.sqlite3_column_text(_owner._statement, column).utf8_to_string();
        }

        /// <summary>Makes the statement ready for its next run; what a failed step had to say was thrown then.</summary>
        public void Dispose()
        {
            _ = raw.sqlite3_reset(_owner._statement);
            _ = raw.sqlite3_clear_bindings(_owner._statement);
        }

        private int TypeOf(int column) => raw.sqlite3_column_type(_owner._statement, column);

        private void Require(int column, int type)
        {
            if (TypeOf(column) != type)
            {
                throw new InvalidCastException("a column holds a value of another type");
            }
        }
    }
}
