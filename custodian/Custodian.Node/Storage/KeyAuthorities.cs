using System.Collections.Immutable;
using Custodian.Pkcs11;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>A version of a key that 'custodian keys rotate' made, and what the operator has allowed since.</summary>
/// <param name="Key">The key.</param>
/// <param name="MayReseal">Of a seal key: whether what is older may be brought under it.</param>
internal sealed record KeyAuthority(AuthorisedKey Key, bool MayReseal);

/// <summary>
/// The versions of keys that this node may use, each in a row with a MAC under the row key: whoever reaches the token, or holds its PIN,
/// makes keys there under any label, and the node uses none that is not in a row.
/// </summary>
/// <param name="Versions">The rows that authenticate.</param>
/// <param name="Forged">How many do not, and count for nothing.</param>
internal sealed record KeyAuthorities(ImmutableArray<KeyAuthority> Versions, int Forged)
{
    /// <summary>What the HSM may use beside the first versions.</summary>
    internal IReadOnlyList<AuthorisedKey> Keys => [.. Versions.Select(v => v.Key)];

    /// <summary>Whether the operator said that what is under older seal keys may be brought under this one.</summary>
    internal bool MayReseal(uint version) => Versions.Any(v => v.MayReseal && v.Key.Purpose == KeyPurpose.Seal && v.Key.Version == version);

    /// <summary>The rows of a database that authenticate under its row key.</summary>
    internal static KeyAuthorities Read(SqliteConnection connection, NodeSecrets secrets)
    {
        List<(KeyAuthority Authority, byte[] Mac)> rows = Rows(connection);
        ImmutableArray<KeyAuthority> sound =
            [.. rows.Where(r => RowMacs.AreEqual(RowMacs.OfKeyVersion(secrets, r.Authority), r.Mac)).Select(r => r.Authority)];
        return new KeyAuthorities(sound, rows.Count - sound.Length);
    }

    /// <inheritdoc cref="Read(SqliteConnection, NodeSecrets)"/>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    internal static KeyAuthorities Read(SqliteStoreOptions options, NodeSecrets secrets)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            return Read(connection, secrets);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    /// <summary>
    /// What the rows say before anyone can tell whether they are authentic, since the row key itself may be under one of these keys: good
    /// for opening it and nothing else. Of a database that cannot be read, none; whoever opens it says why.
    /// </summary>
    internal static IReadOnlyList<AuthorisedKey> Claimed(SqliteStoreOptions options)
    {
        if (!File.Exists(options.Path))
        {
            return [];
        }

        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            return [.. Rows(connection).Select(r => r.Authority.Key)];
        }
        catch (Exception unread) when (unread is SqliteException or StorageException or InvalidCastException)
        {
            return [];
        }
    }

    /// <summary>The same of a backup, and of the node's own database for what the backup does not know: that tells which key it lacks.</summary>
    internal static IReadOnlyList<AuthorisedKey> Claimed(SqliteStoreOptions backup, SqliteStoreOptions own)
    {
        IReadOnlyList<AuthorisedKey> first = Claimed(backup);
        return [.. first, .. Claimed(own).Where(k => !first.Any(f => f.Purpose == k.Purpose && f.Version == k.Version))];
    }

    /// <summary>Writes a row, or puts it in the place of the one of its version.</summary>
    internal static void Write(SqliteConnection connection, NodeSecrets secrets, KeyAuthority authority)
    {
        using var write = new Statement(
            connection, "INSERT OR REPLACE INTO key_versions (purpose, version, identity, may_reseal, mac) VALUES (?1, ?2, ?3, ?4, ?5)");
        write.Write(
            (long)authority.Key.Purpose, (long)authority.Key.Version, authority.Key.Identity, authority.MayReseal ? 1L : 0L, RowMacs.OfKeyVersion(secrets, authority));
    }

    private static List<(KeyAuthority Authority, byte[] Mac)> Rows(SqliteConnection connection)
    {
        if (Schema.VersionOf(connection) < 3)
        {
            return [];
        }

        using var all = new Statement(
            connection,
            """
            SELECT purpose, version, identity, may_reseal, mac FROM key_versions
            WHERE purpose BETWEEN 1 AND 3 AND version BETWEEN 1 AND 4294967295 AND length(identity) <= 256 ORDER BY purpose, version LIMIT 4096
            """);
        using Statement.Rows reader = all.Query();
        List<(KeyAuthority, byte[])> rows = [];
        while (reader.Read())
        {
            var key = new AuthorisedKey((KeyPurpose)reader.Number(0), (uint)reader.Number(1), reader.Text(2));
            rows.Add((new KeyAuthority(key, reader.Number(3) == 1), reader.Blob(4)));
        }

        return rows;
    }
}
