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

    /// <summary>The versions of keys that may be used.</summary>
    /// <exception cref="StorageException">They cannot be read.</exception>
    internal Task<KeyAuthorities> ReadKeyAuthoritiesAsync(CancellationToken cancellationToken) =>
        ReadFromPoolAsync(reader => KeyAuthorities.Read(reader.Connection, _secrets), cancellationToken);

    /// <summary>Lets versions of keys be used from now on, and what is older be brought under them where that is said; all of them, or none.</summary>
    /// <exception cref="StorageException">It could not be written.</exception>
    internal Task AuthoriseAsync(IReadOnlyList<KeyAuthority> authorities, CancellationToken cancellationToken) => Task.Run(
        () => OnOwnConnection(connection =>
        {
            connection.Run("BEGIN IMMEDIATE");
            try
            {
                foreach (KeyAuthority authority in authorities)
                {
                    KeyAuthorities.Write(connection, _secrets, authority);
                }

                connection.Run("COMMIT");
            }
            catch
            {
                connection.RollBackIfOpen();
                throw;
            }
        }),
        cancellationToken);

    /// <summary>Notes that the HSM makes new blobs under the newest of these versions from now on.</summary>
    /// <exception cref="StorageException">It could not be written.</exception>
    internal Task NoteKeyUseAsync(KeyInventory keys, CancellationToken cancellationToken) => Task.Run(
        () => OnOwnConnection(connection =>
        {
            foreach (KeyPurpose purpose in Enum.GetValues<KeyPurpose>())
            {
                KeyQueries.NoteUse(connection, purpose, keys.Newest(purpose), _time.GetUtcNow().ToUnixTimeMilliseconds());
            }
        }),
        cancellationToken);

    /// <summary>The node's own secrets as the HSM sealed them.</summary>
    /// <exception cref="StorageException">They cannot be read.</exception>
    internal Task<byte[]> ReadSealedSecretsAsync(CancellationToken cancellationToken) =>
        Task.Run(() => NodeDatabase.ReadIdentity(_options).SealedSecrets.ToArray(), cancellationToken);

    /// <summary>Exchanges the node's sealed secrets, if they are still those.</summary>
    /// <exception cref="StorageException">It could not be written, and they are those of before.</exception>
    internal Task<bool> ReplaceSealedSecretsAsync(byte[] former, byte[] resealed, CancellationToken cancellationToken) =>
        Task.Run(() => OnOwnConnection(connection => KeyQueries.ReplaceSecrets(connection, former, resealed)), cancellationToken);

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
