using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Commands;

/// <summary>What was carried into a copy.</summary>
/// <param name="Buried">Records that the copy had and that stay destroyed.</param>
/// <param name="Unread">Why something of the former database could not be read, in words for an operator; null when all of it could.</param>
internal sealed record Carried(int Buried, string? Unread);

/// <summary>
/// Carries the tombstones of the database that is still there into the copy that takes its place, so that what was destroyed after the
/// backup is not revived by it (protocol.md section 11).
/// </summary>
internal static class TombstoneCarrier
{
    /// <summary>Buries in the copy what the former database knows to be destroyed. There may be no former database.</summary>
    /// <exception cref="HsmException">The HSM failed, so that what the former database knows cannot be told.</exception>
    /// <exception cref="StorageException">The copy could not be written.</exception>
    internal static async Task<Carried> CarryAsync(
        NodeConfiguration configuration, SqliteAccountStore copy, IHsm hsm, CancellationToken cancellationToken)
    {
        if (!File.Exists(configuration.DatabaseFile))
        {
            return new Carried(0, null);
        }

        SqliteStoreOptions former = NodeRuntime.StoreOptions(configuration);
        (NodeSecrets? secrets, string? unread) = await TryOpenSecretsAsync(configuration, former, hsm).ConfigureAwait(false);
        using (secrets)
        {
            return secrets is null
                ? new Carried(0, unread)
                : await CarryAsync(new FormerDatabase(former, secrets), copy, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The same with a former database whose secrets are open.</summary>
    /// <exception cref="StorageException">The copy could not be written.</exception>
    internal static async Task<Carried> CarryAsync(FormerDatabase former, SqliteAccountStore copy, CancellationToken cancellationToken)
    {
        int buried = 0;
        foreach ((byte[] row, Account known) in former.WithTombstones())
        {
            buried += await BuryAsync(copy, row, known, cancellationToken).ConfigureAwait(false);
        }

        return new Carried(buried, former.Unread);
    }

    /// <summary>A former database that is damaged or another node's knows nothing that could be believed.</summary>
    private static async Task<(NodeSecrets? Secrets, string? Unread)> TryOpenSecretsAsync(
        NodeConfiguration configuration, SqliteStoreOptions former, IHsm hsm)
    {
        try
        {
            return (await NodeRuntime.OpenSecretsAsync(configuration, former, hsm).ConfigureAwait(false), null);
        }
        catch (Exception unreadable) when (unreadable is NodeStartException or StorageException)
        {
            return (null, unreadable.Message);
        }
    }

    private static async Task<int> BuryAsync(SqliteAccountStore copy, byte[] row, Account known, CancellationToken cancellationToken)
    {
        int before = 0;
        try
        {
            Decision<StateAnswer> decision = await copy.DecidePatientlyAsync(
                row,
                account =>
                {
                    before = account.Records.Length;
                    return RestoreRule.Bury(account, known);
                },
                cancellationToken).ConfigureAwait(false);
            return decision.Change is { } change ? before - change.Next.Records.Length : 0;
        }
        catch (StorageException tampered) when (tampered.Fault == StorageFault.Tampered)
        {
            // The copy's own account is refused for every call, and so revives nothing; the others must not suffer for it.
            return 0;
        }
    }
}
