using Microsoft.Data.Sqlite;

namespace Custodian.Benchmarks;

/// <summary>Durable commits of rows of 256 bytes or as told, with the node's own settings of SQLite, on the same file system.</summary>
internal sealed class BareCommit : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _insert;

    internal BareCommit(string folder, int rowSize = 256)
    {
        _connection = new SqliteConnection($"Data Source={Path.Combine(folder, "bare.db")};Pooling=False");
        _connection.Open();
        Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, row BLOB) STRICT");
        _insert = _connection.CreateCommand();
        _insert.CommandText = "INSERT INTO t (row) VALUES ($row)";
        _insert.Parameters.AddWithValue("$row", new byte[rowSize]);
        _insert.Prepare();
    }

    /// <summary>One row, one commit.</summary>
    internal void Commit() => _insert.ExecuteNonQuery();

    /// <summary>Many rows, one commit.</summary>
    internal void Commit(int rows)
    {
        Run("BEGIN IMMEDIATE");
        for (int i = 0; i < rows; i++)
        {
            _insert.ExecuteNonQuery();
        }

        Run("COMMIT");
    }

    public void Dispose()
    {
        _insert.Dispose();
        _connection.Dispose();
    }

    private void Run(string sql)
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
