using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Custodian.Node.Storage;

/// <summary>A statement that is prepared once and run often, with parameters <c>$1</c>, <c>$2</c> and so on. One thread at a time.</summary>
internal sealed class Statement : IDisposable
{
    private readonly SqliteCommand _command;

    internal Statement(SqliteConnection connection, string sql)
    {
        _command = connection.CreateCommand();
        _command.CommandText = sql;
        for (int i = 1; sql.Contains($"${i}", StringComparison.Ordinal); i++)
        {
            _command.Parameters.Add(new SqliteParameter { ParameterName = $"${i}" });
        }

        _command.Prepare();
    }

    /// <summary>The rows it returns.</summary>
    internal SqliteDataReader Query(params ReadOnlySpan<object> values)
    {
        Bind(values);
        return _command.ExecuteReader();
    }

    /// <summary>Runs it for its effect, whatever it touches.</summary>
    internal void Run(params ReadOnlySpan<object> values)
    {
        Bind(values);
        _command.ExecuteNonQuery();
    }

    /// <summary>Runs it for its effect on exactly one row.</summary>
    /// <returns>The key of the last row inserted.</returns>
    /// <exception cref="StorageException">It touched no row or several: the tables are not what the node made.</exception>
    internal long Write(params ReadOnlySpan<object> values)
    {
        Bind(values);
        return _command.ExecuteNonQuery() == 1
            ? raw.sqlite3_last_insert_rowid(_command.Connection!.Handle)
            : throw new StorageException(StorageFault.Tampered, "a row that was there is gone, or the database undoes what is written");
    }

    /// <inheritdoc/>
    public void Dispose() => _command.Dispose();

    private void Bind(ReadOnlySpan<object> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            _command.Parameters[i].Value = values[i];
        }
    }
}
