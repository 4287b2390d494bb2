using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>A read-only connection and its prepared statements.</summary>
internal sealed class PooledReader(SqliteConnection connection, NodeSecrets secrets, BodyCache cache) : IDisposable
{
    private readonly AccountReader _accounts = new(connection, secrets, cache);
    private readonly Statement _begin = new(connection, "BEGIN");
    private readonly Statement _end = new(connection, "ROLLBACK");

    internal SqliteConnection Connection => connection;

    /// <summary>Loads an account, all of its rows as of one instant.</summary>
    internal LoadedAccount Load(byte[] row)
    {
        _begin.Run();
        try
        {
            return _accounts.Load(row);
        }
        finally
        {
            _end.Run();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _accounts.Dispose();
        _begin.Dispose();
        _end.Dispose();
        connection.Dispose();
    }
}

/// <summary>A few connections for reads, each lent to one call at a time, so that reads wait neither for the writer nor for its fsync.</summary>
internal sealed class ReaderPool : IDisposable
{
    private readonly ConcurrentBag<PooledReader> _idle = [];
    private readonly SemaphoreSlim _free;
    private readonly int _size;
    private readonly string _path;

    internal ReaderPool(SqliteStoreOptions options, NodeSecrets secrets, BodyCache cache)
    {
        (_size, _path) = (options.Readers, options.Path);
        _free = new SemaphoreSlim(_size);
        for (int i = 0; i < _size; i++)
        {
            _idle.Add(new PooledReader(SqliteConnections.OpenReader(options), secrets, cache));
        }
    }

    /// <summary>Reads over a connection that nobody else uses meanwhile.</summary>
    /// <exception cref="StorageException">The read failed.</exception>
    internal async Task<T> ReadAsync<T>(Func<PooledReader, T> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        _idle.TryTake(out PooledReader? reader);
        try
        {
            return read(reader!);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, _path);
        }
        finally
        {
            _idle.Add(reader!);
            _free.Release();
        }
    }

    /// <summary>Waits for the reads under way, and closes the connections.</summary>
    public void Dispose()
    {
        for (int i = 0; i < _size; i++)
        {
            _free.Wait();
        }

        foreach (PooledReader reader in _idle)
        {
            reader.Dispose();
        }

        _free.Dispose();
    }
}
