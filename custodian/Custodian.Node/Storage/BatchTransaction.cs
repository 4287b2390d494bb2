using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Custodian.Core;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>What a batch left to do after its callers' outcomes are known.</summary>
/// <param name="Decided">The calls to complete; what they decided is durable.</param>
/// <param name="Destroyers">Calls that destroyed key material, durably too, to complete once the write-ahead log is rid of it.</param>
/// <param name="Commits">How many transactions were committed: none when nothing was to be written, several when SQLite gave one up.</param>
internal sealed record BatchResult(IReadOnlyList<WriteCall> Decided, IReadOnlyList<WriteCall> Destroyers, int Commits)
{
    internal static BatchResult Nothing { get; } = new([], [], Commits: 0);
}

/// <summary>The COMMIT failed in a way that leaves open what is on the disk: the store must not go on.</summary>
internal sealed class CommitLostException(SqliteException inner) : Exception("the outcome of a COMMIT is unknown", inner);

/// <summary>
/// Runs waiting calls as one transaction on the writer's connection, each under a savepoint of its own, so that one failure does not
/// fail its neighbours. Answers those that failed; the rest are the caller's to answer once they are durable. One thread at a time.
/// </summary>
internal sealed class BatchTransaction : IDisposable
{
    private const int RememberedAccounts = 65_536;

    private readonly SqliteConnection _connection;
    private readonly ImmutableArray<Migration> _migrations;
    private readonly AccountReader _reader;
    private readonly AccountWriter _writer;
    private readonly Statement _begin;
    private readonly Statement _savepoint;
    private readonly Statement _release;
    private readonly Statement _undo;
    private readonly Statement _rollback;
    private readonly Statement _commit;
    private readonly Statement _schemaCookie;
    private readonly AuditMemory _memory = new(RememberedAccounts);
    private long _knownCookie = -1;

    internal BatchTransaction(
        SqliteConnection connection, ImmutableArray<Migration> migrations, NodeId node, NodeSecrets secrets, BodyCache cache, TimeProvider time)
    {
        _connection = connection;
        _migrations = migrations;
        _reader = new AccountReader(connection, secrets, cache);
        _writer = new AccountWriter(connection, node, secrets, time);
        _begin = new Statement(connection, "BEGIN IMMEDIATE");
        _savepoint = new Statement(connection, "SAVEPOINT one_call");
        _release = new Statement(connection, "RELEASE one_call");
        _undo = new Statement(connection, "ROLLBACK TO one_call");
        _rollback = new Statement(connection, "ROLLBACK");
        _commit = new Statement(connection, "COMMIT");
        _schemaCookie = new Statement(connection, "PRAGMA schema_version");
    }

    /// <summary>Runs the calls that were taken, and commits what they write.</summary>
    /// <exception cref="CommitLostException">Every call is still unanswered that was not failed by itself.</exception>
    internal BatchResult Run(IReadOnlyList<WriteCall> calls)
    {
        try
        {
            _begin.Run();
            CheckSchema();
            CheckTail();
        }
        catch (Exception failure) when (failure is SqliteException or StorageException)
        {
            _connection.RollBackIfOpen();
            return FailAll(calls, failure);
        }

        try
        {
            return Attempt(calls);
        }
        catch (SqliteException failure)
        {
            // SQLite gave up the whole transaction, as it may when the disk is full: nothing of any call is written.
            _connection.RollBackIfOpen();
            return Split(calls, failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _begin.Dispose();
        _savepoint.Dispose();
        _release.Dispose();
        _undo.Dispose();
        _rollback.Dispose();
        _commit.Dispose();
        _schemaCookie.Dispose();
        _writer.Dispose();
        _reader.Dispose();
    }

    private BatchResult Attempt(IReadOnlyList<WriteCall> calls)
    {
        List<WriteCall> decided = [];
        List<WriteCall> destroyers = [];
        List<(byte[] Row, WrittenChange Change)> written = [];
        foreach (WriteCall call in calls.Where(c => !c.IsAnswered))
        {
            if (RunOne(call) is { } step)
            {
                (step.Change is { Destroyed: true } ? destroyers : decided).Add(call);
                if (step.Change is { } change)
                {
                    written.Add((call.Row, change));
                }
            }
        }

        End(wrote: written.Count > 0);
        written.ForEach(w => _memory.Note(w.Row, w.Change.Entry));
        return new BatchResult(decided, destroyers, written.Count > 0 ? 1 : 0);
    }

    /// <summary>Null when the call failed and was answered so; its writes are undone.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "whatever a rule throws is its caller's")]
    private Step? RunOne(WriteCall call)
    {
        _savepoint.Run();
        try
        {
            LoadedAccount loaded = Load(call.Row);
            Change? change = call.Decide(loaded.Account);
            WrittenChange? written = change is null ? null : _writer.Write(loaded, change);
            _release.Run();
            return new Step(written);
        }
        catch (Exception failure)
        {
            if (!_connection.IsInTransaction())
            {
                throw;
            }

            _undo.Run();
            _release.Run();
            call.Fail(SqliteFaults.ForCaller(failure, _connection.DataSource));
            return null;
        }
    }

    private LoadedAccount Load(byte[] row)
    {
        LoadedAccount loaded = _reader.Load(row);
        return _memory.IsPutBack(row, loaded.NewestEntry)
            ? throw new StorageException(StorageFault.Tampered, "the account is older than this process left it: its rows and entries were put back")
            : loaded;
    }

    /// <summary>
    /// A crash before the COMMIT leaves nothing of the batch, and no caller has heard of it. A crash after it leaves all of it, answered or
    /// not: every call may be sent again.
    /// </summary>
    private void End(bool wrote)
    {
        if (!wrote)
        {
            _rollback.Run();
            return;
        }

        try
        {
            _commit.Run();
        }
        catch (SqliteException failure) when (failure.SqliteErrorCode != SQLitePCL.raw.SQLITE_FULL)
        {
            throw new CommitLostException(failure);
        }
    }

    private BatchResult Split(IReadOnlyList<WriteCall> calls, Exception failure)
    {
        List<WriteCall> open = [.. calls.Where(c => !c.IsAnswered)];
        if (open.Count <= 1)
        {
            return FailAll(open, failure);
        }

        List<BatchResult> alone = [.. open.Select(c => Run([c]))];
        return new BatchResult(
            [.. alone.SelectMany(r => r.Decided)], [.. alone.SelectMany(r => r.Destroyers)], alone.Sum(r => r.Commits));
    }

    private BatchResult FailAll(IReadOnlyList<WriteCall> calls, Exception failure)
    {
        foreach (WriteCall call in calls)
        {
            call.Fail(SqliteFaults.ForCaller(failure, _connection.DataSource));
        }

        return BatchResult.Nothing;
    }

    /// <summary>Holds the end of the audit log against what this process last committed to it.</summary>
    private void CheckTail()
    {
        if (_memory.Tail is { } tail && !_writer.LogContains(tail))
        {
            throw new StorageException(StorageFault.Tampered, "the end of the audit log was cut off or put back while the node ran");
        }
    }

    /// <summary>Holds the tables against what the node makes, whenever anybody has changed them.</summary>
    private void CheckSchema()
    {
        long cookie;
        using (Statement.Rows reader = _schemaCookie.Query())
        {
            reader.Read();
            cookie = reader.Number(0);
        }

        if (cookie == _knownCookie)
        {
            return;
        }

        Schema.RefuseNewer(_connection, _migrations);
        _knownCookie = Schema.IsAsMade(_connection, _migrations)
            ? cookie
            : throw new StorageException(
                StorageFault.Tampered, $"the tables of {_connection.DataSource} are not those that this program makes");
    }

    /// <summary>A call that was decided; <c>Change</c> is null when it wrote nothing.</summary>
    private readonly record struct Step(WrittenChange? Change);
}
