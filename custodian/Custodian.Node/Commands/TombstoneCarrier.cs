using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Commands;

/// <summary>
/// Carries the tombstones of the database that is still there into the copy that takes its place, so that what was destroyed after the
/// backup is not revived by it (protocol.md section 11).
/// </summary>
internal static class TombstoneCarrier
{
    /// <summary>Buries in the copy what the former database knows to be destroyed.</summary>
    /// <returns>How many records that was; 0 also when there is no former database, or none that can be read.</returns>
    /// <exception cref="StorageException">The copy could not be written.</exception>
    internal static async Task<int> CarryAsync(
        NodeConfiguration configuration, SqliteAccountStore copy, IHsm hsm, CancellationToken cancellationToken)
    {
        if (!File.Exists(configuration.DatabaseFile))
        {
            return 0;
        }

        int buried = 0;
        try
        {
            SqliteStoreOptions former = NodeRuntime.StoreOptions(configuration);
            using NodeSecrets secrets = await NodeRuntime.OpenSecretsAsync(configuration, former, hsm).ConfigureAwait(false);
            using SqliteConnection connection = SqliteConnections.OpenReader(former);
            foreach ((byte[] row, Account known) in Authentic(connection, secrets))
            {
                buried += await BuryAsync(copy, row, known, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception unreadable) when (unreadable is SqliteException or NodeStartException or HsmException
            or StorageException { Fault: not StorageFault.Full })
        {
            // A former database that is damaged or another node's knows nothing that could be believed.
        }

        return buried;
    }

    private static async Task<int> BuryAsync(SqliteAccountStore copy, byte[] row, Account known, CancellationToken cancellationToken)
    {
        int before = 0;
        Decision<StateAnswer> decision = await copy.DecideAsync(
            row,
            account =>
            {
                before = account.Records.Length;
                return RestoreRule.Bury(account, known);
            },
            cancellationToken).ConfigureAwait(false);
        return decision.Change is { } change ? before - change.Next.Records.Length : 0;
    }

    private static IEnumerable<(byte[] Row, Account Known)> Authentic(SqliteConnection connection, NodeSecrets secrets)
    {
        using var reader = new AccountReader(connection, secrets, new BodyCache(0));
        foreach (byte[] row in Rows(connection))
        {
            Account? known = TryLoad(reader, row);
            if (known is { Tombstones.IsEmpty: false } or { ForgottenGeneration: > 0 })
            {
                yield return (row, known);
            }
        }
    }

    private static Account? TryLoad(AccountReader reader, byte[] row)
    {
        try
        {
            return reader.Load(row).Account;
        }
        catch (StorageException tampered) when (tampered.Fault == StorageFault.Tampered)
        {
            return null;
        }
    }

    private static List<byte[]> Rows(SqliteConnection connection)
    {
        using var names = new Statement(connection, "SELECT row FROM accounts WHERE tombstones <> x'' OR forgotten_generation <> 0");
        using Statement.Rows reader = names.Query();
        List<byte[]> rows = [];
        while (reader.Read())
        {
            rows.Add(reader.Blob(0));
        }

        return rows;
    }
}
