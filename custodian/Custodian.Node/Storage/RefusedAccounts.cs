using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>An account that a node refused because a row of it did not authenticate.</summary>
/// <param name="Row">The name of the account's row.</param>
/// <param name="FirstMs">When it was refused first, Unix milliseconds.</param>
/// <param name="What">What the node said of it.</param>
internal sealed record RefusedAccount(byte[] Row, long FirstMs, string What);

/// <summary>
/// The list of accounts that were refused as tampered, kept in the database for the operator's next look, since a count in a process ends
/// with it. Over a connection of its own: the writer's transactions are the callers'.
/// </summary>
internal sealed class RefusedAccounts(SqliteStoreOptions options, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const int Remembered = 65_536;

    private readonly HashSet<UInt128> _noted = [];
    private readonly Lock _gate = new();
    private Task _last = Task.CompletedTask;

    /// <summary>Notes a refusal, once an account and process. What cannot be stored is logged; the refusal stands either way.</summary>
    internal void Note(byte[] row, string what)
    {
        lock (_gate)
        {
            if (_noted.Count < Remembered && _noted.Add(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(row)))
            {
                _last = WriteAfterAsync(_last, row, what);
            }
        }
    }

    /// <summary>The accounts that were noted, the oldest first.</summary>
    internal static List<RefusedAccount> Read(SqliteConnection connection, long limit)
    {
        using var statement = new Statement(connection, "SELECT row, first_ms, what FROM refused_accounts ORDER BY id LIMIT ?1");
        using Statement.Rows reader = statement.Query(limit);
        List<RefusedAccount> refused = [];
        while (reader.Read())
        {
            refused.Add(new RefusedAccount(reader.Blob(0), reader.Number(1), reader.Text(2)));
        }

        return refused;
    }

    /// <summary>Waits for the notes that are being written.</summary>
    public async ValueTask DisposeAsync() => await _last.ConfigureAwait(false);

    private async Task WriteAfterAsync(Task before, byte[] row, string what)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenWriter(options);
            connection.InTransaction(() =>
            {
                using var note = new Statement(connection, "INSERT OR IGNORE INTO refused_accounts (row, first_ms, what) VALUES (?1, ?2, ?3)");
                note.Run(row, time.GetUtcNow().ToUnixTimeMilliseconds(), what);
            });
        }
        catch (Exception failure) when (failure is SqliteException or StorageException)
        {
            StorageLog.NoticeLost(logger, failure);
        }
    }
}
