using Custodian.Pkcs11;

namespace Custodian.Node.Storage;

// What is under which versions of the HSM's keys, and how that changes.
internal sealed partial class SqliteAccountStore
{
    /// <summary>What of the database is under which versions of the HSM's keys.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal Task<KeyUse> ReadKeyUseAsync(CancellationToken cancellationToken) =>
        ReadFromPoolAsync(reader => KeyQueries.Use(reader.Connection), cancellationToken);

    /// <summary>A page of the sealed parts of live records, as they lie there.</summary>
    /// <exception cref="StorageException">They cannot be read.</exception>
    internal Task<List<StoredPart>> ReadPartsAsync(long after, CancellationToken cancellationToken) =>
        ReadFromPoolAsync(reader => KeyQueries.Parts(reader.Connection, after), cancellationToken);

    /// <summary>When a record was last sealed anew, if that was after a time.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal Task<long?> ReadResealedAfterAsync(long ms, CancellationToken cancellationToken) =>
        ReadFromPoolAsync(reader => KeyQueries.ResealedAfter(reader.Connection, ms), cancellationToken);

    /// <summary>The keys that the node makes new things under; null where the list is missing, or not as the node wrote it.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal Task<KeyList?> ReadKeyListAsync(CancellationToken cancellationToken) =>
        ReadFromPoolAsync(reader => KeyList.Read(reader.Connection, _secrets), cancellationToken);

    /// <summary>Changes the list of the node's keys; a crash leaves the one before or the new one.</summary>
    /// <param name="change">Takes the list that is there, null as <see cref="ReadKeyListAsync"/> says, and returns the new one.</param>
    /// <param name="cancellationToken">Checked before anything is done.</param>
    /// <exception cref="StorageException">It could not be written.</exception>
    internal Task ChangeKeyListAsync(Func<KeyList?, KeyList> change, CancellationToken cancellationToken) => Task.Run(
        () => OnOwnConnection(connection => connection.InTransaction(
            () => change(KeyList.Read(connection, _secrets)).Write(connection, _secrets))),
        cancellationToken);

    /// <summary>Notes that the HSM makes new blobs under the keys in use of these from now on.</summary>
    /// <exception cref="StorageException">It could not be written.</exception>
    internal Task NoteKeyUseAsync(KeyInventory keys, CancellationToken cancellationToken) => Task.Run(
        () => OnOwnConnection(connection => connection.InTransaction(() =>
        {
            foreach (TokenKey key in keys.InUse)
            {
                KeyQueries.NoteUse(connection, key.Purpose, key.Version, _time.GetUtcNow().ToUnixTimeMilliseconds());
            }
        })),
        cancellationToken);

    /// <summary>The node's own secrets as the HSM sealed them.</summary>
    /// <exception cref="StorageException">They cannot be read.</exception>
    internal Task<byte[]> ReadSealedSecretsAsync(CancellationToken cancellationToken) =>
        Task.Run(() => NodeDatabase.ReadIdentity(_options).SealedSecrets.ToArray(), cancellationToken);

    /// <summary>Exchanges the node's sealed secrets, if they are still those.</summary>
    /// <exception cref="StorageException">It could not be written, and they are those of before.</exception>
    internal Task<bool> ReplaceSealedSecretsAsync(byte[] former, byte[] resealed, CancellationToken cancellationToken) =>
        Task.Run(
            () => OnOwnConnection(connection => connection.InTransaction(() => KeyQueries.ReplaceSecrets(connection, former, resealed))),
            cancellationToken);

    /// <summary>Rids the write-ahead log of what was overwritten in the database, unless somebody reads from it.</summary>
    /// <returns>Whether it is rid of it.</returns>
    /// <exception cref="StorageException">The log cannot be truncated.</exception>
    internal Task<bool> TruncateLogAsync(CancellationToken cancellationToken) => Task.Run(
        () => OnOwnConnection(connection =>
        {
            SqliteConnections.SetBusyTimeout(connection, LogErasure.Patience);
            return connection.Number("PRAGMA wal_checkpoint(TRUNCATE)") == 0;
        }),
        cancellationToken);
}
