using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>Whose database it is.</summary>
/// <param name="Node">The node.</param>
/// <param name="SealedSecrets">The node's secrets, sealed by its HSM.</param>
/// <param name="CreatedMs">When the database was made, Unix milliseconds.</param>
internal sealed record NodeIdentity(NodeId Node, ReadOnlyMemory<byte> SealedSecrets, long CreatedMs);

/// <summary>The database file of a node before a store is opened on it: made once, and asked whose it is.</summary>
internal static class NodeDatabase
{
    /// <summary>
    /// Draws a new node's secrets, has the HSM seal them, and makes the database with them. The file appears under its name whole and
    /// synced, or not at all: a crash before leaves a <c>.new</c> file that the next call replaces.
    /// </summary>
    /// <exception cref="IOException">There is a file of that name, or it cannot be written.</exception>
    /// <exception cref="HsmException">The HSM did not seal the secrets.</exception>
    /// <param name="options">Where.</param>
    /// <param name="node">Whose.</param>
    /// <param name="hsm">What seals the secrets.</param>
    /// <param name="time">The clock.</param>
    /// <param name="keys">The keys that it lists; null for those that the HSM uses.</param>
    internal static async Task CreateAsync(SqliteStoreOptions options, NodeId node, IHsm hsm, TimeProvider time, IReadOnlyList<TokenKey>? keys = null)
    {
        using NodeSecrets secrets = NodeSecrets.Draw();
        byte[] sealedSecrets = await secrets.SealAsync(hsm, node).ConfigureAwait(false);
        KeyList list = KeyList.Of(keys ?? (await hsm.RefreshKeysAsync().ConfigureAwait(false)).InUse);
        Create(options, new NodeIdentity(node, sealedSecrets, time.GetUtcNow().ToUnixTimeMilliseconds()), connection => list.Write(connection, secrets));
    }

    /// <summary>Makes the database with secrets that are sealed already.</summary>
    /// <param name="options">Where.</param>
    /// <param name="identity">Whose, with the secrets.</param>
    /// <param name="further">What else it holds from the beginning.</param>
    /// <exception cref="IOException">There is a file of that name, or it cannot be written.</exception>
    internal static void Create(SqliteStoreOptions options, NodeIdentity identity, Action<SqliteConnection>? further = null) =>
        DurableFile.Appear(options.Path, ".new", unfinished => Fill(unfinished, identity, further));

    /// <summary>Whose database it is, without changing it.</summary>
    /// <exception cref="StorageException">There is none, it is another program's, or of a newer schema.</exception>
    internal static NodeIdentity ReadIdentity(SqliteStoreOptions options)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            Schema.RefuseNewer(connection, Schema.Migrations);
            using var statement = new Statement(connection, "SELECT node_id, secrets, created_ms FROM node WHERE id = 1");
            using Statement.Rows reader = statement.Query();
            return reader.Read() && NodeId.TryParse(reader.Text(0), out NodeId node)
                ? new NodeIdentity(node, reader.Blob(1), reader.Number(2))
                : throw new StorageException(StorageFault.Tampered, $"the database {options.Path} does not say whose it is");
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
        catch (InvalidCastException)
        {
            throw new StorageException(StorageFault.Tampered, $"the database {options.Path} does not say whose it is; 'custodian restore' puts a backup in its place");
        }
    }

    /// <summary>Which schema a database is of.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal static int SchemaOf(SqliteStoreOptions options)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            return Schema.VersionOf(connection);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    /// <summary>Has the HSM open the secrets of a database.</summary>
    /// <exception cref="StorageException">They were sealed under another token's keys, or are damaged.</exception>
    /// <exception cref="HsmException">The HSM failed.</exception>
    internal static async Task<NodeSecrets> OpenSecretsAsync(SqliteStoreOptions options, NodeIdentity identity, IHsm hsm)
    {
        try
        {
            return await NodeSecrets.OpenAsync(hsm, identity.Node, identity.SealedSecrets).ConfigureAwait(false);
        }
        catch (HsmException failure) when (failure.IsOfOtherMode)
        {
            throw new StorageException(
                StorageFault.Unavailable,
                $"the node's secrets in {options.Path} do not open: {failure.Message.TrimEnd('.')}; a node evaluates where 'custodian init' made it to, for good",
                failure);
        }
        catch (HsmException failure) when (failure.IsOfMissingKey)
        {
            throw new StorageException(
                StorageFault.Unavailable,
                $"this HSM's token lacks the key that the node's secrets in {options.Path} are under: {failure.Message.TrimEnd('.')}; bring that key "
                    + "back from the HSM's backup; where it was retired on purpose, the file is lost, and a newer backup opens; where the database was "
                    + "edited, restore a backup",
                failure);
        }
        catch (HsmException failure) when (failure.Class == HsmErrorClass.Data)
        {
            throw new StorageException(
                StorageFault.Unavailable,
                $"this HSM's token does not open the node's secrets in {options.Path}: they were sealed under another token's keys, or are damaged; "
                    + "bring the token back that the node had, or 'custodian restore' a backup that was made under this one",
                failure);
        }
    }

    private static void Fill(string path, NodeIdentity identity, Action<SqliteConnection>? further)
    {
        using SqliteConnection connection = SqliteConnections.Open(new SqliteStoreOptions { Path = path });
        connection.Run("PRAGMA synchronous = FULL");
        connection.Run($"PRAGMA application_id = {Schema.ApplicationId}");
        Schema.BringForward(connection, Schema.Migrations);
        using var insert = new Statement(connection, "INSERT INTO node (id, node_id, secrets, created_ms) VALUES (1, ?1, ?2, ?3)");
        insert.Write(identity.Node.Value, identity.SealedSecrets.ToArray(), identity.CreatedMs);
        further?.Invoke(connection);
    }
}
