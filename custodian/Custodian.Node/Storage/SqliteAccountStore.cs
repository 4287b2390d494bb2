using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Custodian.Core;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// The accounts of one node in an SQLite database (architecture.md "Storage"). One thread writes, many calls to a transaction; a few
/// connections read. Other processes may open the same database meanwhile, such as an operator's command. Thread-safe.
/// </summary>
/// <remarks>
/// What its MACs notice: any row edited, exchanged, removed or put back, alone or with others of its account, as long as a newer audit
/// entry of the account is there. What they cannot notice: a whole database put back from a copy.
/// </remarks>
internal sealed partial class SqliteAccountStore : IAccountStore
{
    private readonly SqliteStoreOptions _options;
    private readonly NodeSecrets _secrets;
    private readonly StoreMetrics _metrics;
    private readonly SqliteConnection _connection;
    private readonly BatchTransaction _transaction;
    private readonly LogErasure _erasure;
    private readonly ReaderPool _readers;
    private readonly GroupCommitLoop _loop;
    private readonly RefusedAccounts _refused;
    private readonly TimeProvider _time;
    private volatile bool _awaitsAcceptance;
    private int _disposed;

    private SqliteAccountStore(
        SqliteStoreOptions options, NodeIdentity identity, NodeSecrets secrets, SqliteConnection connection, StoreMetrics metrics,
        TimeProvider time, ILogger logger)
    {
        var cache = new BodyCache(options.BodyCacheBytes);
        (_options, _secrets, _metrics, _connection, Node, _time) = (options, secrets, metrics, connection, identity.Node, time);
        _transaction = new BatchTransaction(connection, Schema.Migrations, identity.Node, secrets, cache, time);
        _erasure = new LogErasure(connection, options, metrics, logger);
        RestoredCopy.Restrain(connection, _transaction, logger);
        _awaitsAcceptance = Restoration.Read(connection) is { AwaitsAcceptance: true };
        _refused = new RefusedAccounts(options, time, logger);
        _readers = new ReaderPool(options, secrets, cache);
        _loop = new GroupCommitLoop(options, _transaction, _erasure, metrics, logger);
    }

    /// <summary>The node whose database it is.</summary>
    internal NodeId Node { get; }

    /// <summary>
    /// Ends, with the reason, when a COMMIT failed so that its outcome is unknown. Every call is refused from then on; the node goes
    /// unready and exits, and what is on the disk decides when it starts again.
    /// </summary>
    internal Task<StorageException> Failed => _loop.Failed;

    /// <summary>
    /// Opens the database of a node and has the HSM open its secrets; brings the schema forward where it may (<see cref="SqliteStoreOptions.Migrate"/>), and restrains the
    /// records of one that was restored from a copy.
    /// </summary>
    /// <exception cref="StorageException">There is no such database, it is of a newer schema, its secrets are not this HSM's, or it cannot be opened.</exception>
    /// <exception cref="HsmException">The HSM failed.</exception>
    internal static async Task<SqliteAccountStore> OpenAsync(
        SqliteStoreOptions options, IHsm hsm, StoreMetrics metrics, TimeProvider time, ILogger<SqliteAccountStore> logger)
    {
        NodeIdentity identity = NodeDatabase.ReadIdentity(options);

        // Before the secrets are open: what throws here must leave none behind.
        KeyList? first = options.Migrate && NodeDatabase.SchemaOf(options) < Schema.WithKeyList ? KeyList.FirstOf(await hsm.RefreshKeysAsync().ConfigureAwait(false), options) : null;
        NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(options, identity, hsm).ConfigureAwait(false);
        return Open(options, identity, secrets, metrics, time, logger, first);
    }

    /// <summary>Opens the database with secrets that are open already. They belong to the store from here on, also when this throws.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="identity">Whose it is.</param>
    /// <param name="secrets">The node's secrets.</param>
    /// <param name="metrics">Where the store counts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it tells.</param>
    /// <param name="first">The keys that a database lists which is older than such a list, and is brought forward.</param>
    /// <exception cref="StorageException">The database cannot be opened, or is of a newer schema.</exception>
    internal static SqliteAccountStore Open(
        SqliteStoreOptions options, NodeIdentity identity, NodeSecrets secrets, StoreMetrics metrics, TimeProvider time, ILogger logger,
        KeyList? first = null)
    {
        SqliteConnection? connection = null;
        try
        {
            connection = SqliteConnections.OpenWriter(options);
            if (options.Migrate)
            {
                BringForward(connection, secrets, first ?? KeyList.Empty);
            }

            RefuseOlder(connection, options);
            return new SqliteAccountStore(options, identity, secrets, connection, metrics, time, logger);
        }
        catch (Exception failure)
        {
            connection?.Dispose();
            secrets.Dispose();
            throw failure is SqliteException sqlite ? SqliteFaults.Translate(sqlite, options.Path) : failure;
        }
    }

    /// <summary>Brings a database's schema to this program's. One that is older than the list of the node's keys gets it in the same step.</summary>
    internal static void BringForward(SqliteConnection connection, NodeSecrets secrets, KeyList first) =>
        Schema.BringForward(connection, Schema.Migrations, step =>
        {
            if (step == Schema.WithKeyList)
            {
                first.Write(connection, secrets);
            }
        });

    /// <inheritdoc/>
    public bool AwaitsAcceptance => _awaitsAcceptance;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> RowOf(AccountId account) => RowMacs.NameOf(_secrets, account);

    /// <inheritdoc/>
    public Task<Account> ReadAsync(AccountId account, CancellationToken cancellationToken)
    {
        byte[] row = RowMacs.NameOf(_secrets, account);
        return CountTamperedAsync(row, ReadFromPoolAsync(reader => reader.Load(row).Account, cancellationToken));
    }

    /// <inheritdoc/>
    public Task<Decision<T>> DecideAsync<T>(AccountId account, Func<Account, Decision<T>> decide, CancellationToken cancellationToken)
        where T : class
    {
        byte[] row = RowMacs.NameOf(_secrets, account);
        return CountTamperedAsync(row, QueueAsync(new WriteCall<T>(row, decide), cancellationToken));
    }

    /// <inheritdoc/>
    public Task<Decision<T>> DecidePatientlyAsync<T>(AccountId account, Func<Account, Decision<T>> decide, CancellationToken cancellationToken)
        where T : class
    {
        return DecidePatientlyAsync(RowMacs.NameOf(_secrets, account), decide, cancellationToken);
    }

    /// <summary>The same for an account of which only its row's name is known.</summary>
    internal Task<Decision<T>> DecidePatientlyAsync<T>(byte[] row, Func<Account, Decision<T>> decide, CancellationToken cancellationToken)
        where T : class =>
        CountTamperedAsync(row, QueuePatientlyAsync(new WriteCall<T>(row, decide), cancellationToken));

    /// <inheritdoc/>
    public async IAsyncEnumerable<AuditRow> ReadAuditAsync(
        long from, ReadOnlyMemory<byte>? accountRow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long next = from;
        while (true)
        {
            long start = next;
            List<AuditRow> page = await ReadFromPoolAsync(
                reader => SqliteQueries.AuditPage(reader.Connection, _secrets, start, accountRow), cancellationToken).ConfigureAwait(false);
            foreach (AuditRow row in page.Where(r => IsOf(r, accountRow)))
            {
                yield return row;
            }

            if (page.Count == 0)
            {
                yield break;
            }

            next = page[^1].Id + 1;
        }
    }

    /// <summary>Counts what the database holds.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal Task<StoreStatus> ReadStatusAsync(CancellationToken cancellationToken) =>
        ReadFromPoolAsync(reader => SqliteQueries.Status(reader, _metrics.TamperedCount), cancellationToken);

    /// <summary>What the database says of the copy it goes on from, null if it never was one; and takes note of an acceptance.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal async Task<Restoration?> ReadRestorationAsync(CancellationToken cancellationToken)
    {
        Restoration? restoration = await ReadFromPoolAsync(reader => Restoration.Read(reader.Connection), cancellationToken).ConfigureAwait(false);
        _awaitsAcceptance = restoration is { AwaitsAcceptance: true };
        return restoration;
    }

    /// <summary>Accepts, for the operator, what a restored copy has forgotten.</summary>
    /// <exception cref="StorageException">It could not be written; the node goes on waiting.</exception>
    internal async Task AcceptRestorationAsync(CancellationToken cancellationToken)
    {
        OnOwnConnection(connection => RestoredCopy.Accept(connection, _time.GetUtcNow().ToUnixTimeMilliseconds()));
        await ReadRestorationAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The record rows that may be those of an account whose rows do not authenticate.</summary>
    /// <exception cref="StorageException">They cannot be read.</exception>
    internal List<SuspectRecord> SuspectsOf(AccountId account) =>
        OnOwnConnection(connection => Destruction(connection).Suspects(RowMacs.NameOf(_secrets, account)));

    /// <summary>Destroys an account whose rows do not authenticate. See <see cref="ForcedDestruction"/>.</summary>
    /// <exception cref="StorageException">Nothing was changed.</exception>
    internal Destruction DestroyTampered(AccountId account, IReadOnlyList<SuspectRecord> own) =>
        OnOwnConnection(connection => Destruction(connection).Destroy(RowMacs.NameOf(_secrets, account), own));

    /// <summary>Copies the database while it serves, as <see cref="DatabaseBackup.Write"/> does.</summary>
    /// <exception cref="IOException">There is a file of that name, or it cannot be written.</exception>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    internal Task BackupAsync(string path, CancellationToken cancellationToken) =>
        Task.Run(() => DatabaseBackup.Write(_options, path, _time), cancellationToken);

    /// <summary>Writes and takes it back, as <see cref="WriteProbe.Run"/> does.</summary>
    /// <exception cref="StorageException">The database takes no writes.</exception>
    internal Task ProbeAsync(CancellationToken cancellationToken) => Task.Run(() => WriteProbe.Run(_options), cancellationToken);

    /// <summary>Takes no more calls, answers those that wait, closes the database and zeroes the node's secrets.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _loop.DisposeAsync().ConfigureAwait(false);
        await _refused.DisposeAsync().ConfigureAwait(false);
        _readers.Dispose();
        _erasure.Dispose();
        _transaction.Dispose();
        await _connection.DisposeAsync().ConfigureAwait(false);
        _secrets.Dispose();
    }

    /// <summary>Only <c>serve</c> changes the schema: a look with a newer program must not lock out the one that serves.</summary>
    private static void RefuseOlder(SqliteConnection connection, SqliteStoreOptions options)
    {
        int found = Schema.VersionOf(connection);
        if (found < Schema.Migrations[^1].To)
        {
            throw new StorageException(
                StorageFault.Unavailable,
                $"the database {options.Path} is of schema {found}, older than this program's; start 'custodian serve' once to bring it forward");
        }
    }

    // A row that was moved in the index from another account is shown: it is not authentic where it stands, or it is a chance of 2^-64.
    private static bool IsOf(AuditRow row, ReadOnlyMemory<byte>? account) =>
        account is not { } wanted || row.Entry is not { } entry || entry.AccountRow.Span.SequenceEqual(wanted.Span);

    private ForcedDestruction Destruction(SqliteConnection connection) => new(connection, Node, _secrets, _time);

    private void OnOwnConnection(Action<SqliteConnection> act) => OnOwnConnection(connection =>
    {
        act(connection);
        return true;
    });

    /// <summary>For what an operator does once: beside the writer, whose transactions are the callers'.</summary>
    private T OnOwnConnection<T>(Func<SqliteConnection, T> act)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenWriter(_options);
            return act(connection);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, _options.Path);
        }
    }

    private Task<T> ReadFromPoolAsync<T>(Func<PooledReader, T> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        return Failed.IsCompleted
            ? Task.FromException<T>(new StorageException(StorageFault.Unavailable, Failed.Result.Message, Failed.Result))
            : _readers.ReadAsync(read, cancellationToken);
    }

    private async Task<Decision<T>> QueueAsync<T>(WriteCall<T> call, CancellationToken cancellationToken)
        where T : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        _loop.Enqueue(call);
        return await call.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<Decision<T>> QueuePatientlyAsync<T>(WriteCall<T> call, CancellationToken cancellationToken)
        where T : class
    {
        await _loop.EnqueueAsync(call, cancellationToken).ConfigureAwait(false);
        return await call.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> CountTamperedAsync<T>(byte[] row, Task<T> outcome)
    {
        try
        {
            return await outcome.ConfigureAwait(false);
        }
        catch (StorageException failure) when (failure.Fault == StorageFault.Tampered)
        {
            _metrics.Tampered();
            _refused.Note(row, failure.Message);
            throw;
        }
    }
}
