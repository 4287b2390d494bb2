using Custodian.Core;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// The database that a copy takes the place of, as far as it can be read: a damaged page costs what is on it, and no more. Not thread-safe.
/// </summary>
/// <param name="options">Where it is.</param>
/// <param name="secrets">Its node's secrets; they stay the caller's.</param>
internal sealed class FormerDatabase(SqliteStoreOptions options, NodeSecrets secrets)
{
    /// <summary>Why some of it could not be read, in words for an operator; null when all of it could.</summary>
    internal string? Unread { get; private set; }

    /// <summary>The accounts that something was destroyed of, with the names of their rows.</summary>
    internal IEnumerable<(byte[] Row, Account Known)> WithTombstones()
    {
        using SqliteConnection? connection = Try(() => SqliteConnections.OpenReader(options));
        if (connection is null)
        {
            yield break;
        }

        using AccountReader? reader = Try(() => new AccountReader(connection, secrets, new BodyCache(0)));
        foreach (byte[] row in reader is null ? [] : Rows(connection))
        {
            if (Try(() => reader!.Load(row).Account) is { } known)
            {
                yield return (row, known);
            }
        }
    }

    private List<byte[]> Rows(SqliteConnection connection)
    {
        List<byte[]> rows = [];
        Try(() =>
        {
            using var names = new Statement(connection, "SELECT row FROM accounts WHERE tombstones <> x'' OR forgotten_generation <> 0");
            using Statement.Rows reader = names.Query();
            while (reader.Read())
            {
                rows.Add(reader.Blob(0));
            }

            return rows;
        });
        return rows;
    }

    private T? Try<T>(Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (SqliteException damaged)
        {
            Unread ??= SqliteFaults.Translate(damaged, options.Path).Message;
        }
        catch (StorageException refused)
        {
            Unread ??= refused.Message;
        }

        return null;
    }
}
