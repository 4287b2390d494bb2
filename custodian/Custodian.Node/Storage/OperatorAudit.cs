using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>Audit entries of what changes no record: an operator's looking is as much part of the log as a user's doing.</summary>
internal static class OperatorAudit
{
    private sealed record Written;

    /// <summary>
    /// Appends an entry about an account and leaves its records as they are. An account that the node has never stored gets neither an
    /// entry nor a row: a mistyped subject must not fill the tables.
    /// </summary>
    /// <returns>The account as it was shown, at the instant of the entry.</returns>
    /// <exception cref="StorageException">Nothing was written, and nothing may be shown.</exception>
    internal static async Task<Account> AppendAuditAsync(
        this IAccountStore store, AccountId account, AuditKind kind, CancellationToken cancellationToken)
    {
        Account? shown = null;
        await store.DecideAsync(account, Decide, cancellationToken).ConfigureAwait(false);
        return shown!;

        Decision<Written> Decide(Account found)
        {
            shown = found;
            if (found.Records.IsEmpty && found.Tombstones.IsEmpty && found.HighestGeneration == 0)
            {
                return Decision<Written>.Keep(new Written());
            }

            StoredRecord? newest = found.Records.MaxBy(r => r.Header.Generation);
            AuditEvent entry = newest is null ? new AuditEvent(kind, default, found.HighestGeneration, null, 0) : AuditEvent.Of(kind, newest);
            return Decision<Written>.Write(new Written(), found, entry);
        }
    }
}
