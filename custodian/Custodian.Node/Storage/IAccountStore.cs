using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>
/// Where a node keeps its accounts. A rule runs inside the transaction that writes its result; what it decides is durable before the call
/// returns. Nothing above this seam knows which database it is, and nothing relies on gapless numbers.
/// </summary>
internal interface IAccountStore : IAsyncDisposable
{
    /// <summary>
    /// The name of an account's row, HMAC(lookup key, account_id), 32 bytes: what the HSM binds sealed parts to, and the only account
    /// name that is ever stored.
    /// </summary>
    ReadOnlyMemory<byte> RowOf(AccountId account);

    /// <summary>
    /// Whether the database is a copy whose forgotten attempts no operator has accepted yet: everything is answered but Evaluate.
    /// </summary>
    bool AwaitsAcceptance { get; }

    /// <summary>The account as it is now.</summary>
    /// <exception cref="StorageException">The account cannot be read, or its rows do not authenticate.</exception>
    Task<Account> ReadAsync(AccountId account, CancellationToken cancellationToken);

    /// <summary>
    /// Loads the account inside the write transaction, asks <paramref name="decide"/>, writes what it decided with its audit entry, and
    /// returns once that is durable. <paramref name="decide"/> may be called again. A cancelled caller that is already in a transaction
    /// still gets its decision written.
    /// </summary>
    /// <exception cref="StorageException">
    /// Nothing was written; <see cref="StorageFault.Busy"/> at once where as many calls wait for the writer as may.
    /// </exception>
    Task<Decision<T>> DecideAsync<T>(AccountId account, Func<Account, Decision<T>> decide, CancellationToken cancellationToken)
        where T : class;

    /// <summary>
    /// The same, which waits for room however many others wait: for what the node owes its users, such as a charge that it takes back.
    /// </summary>
    /// <exception cref="StorageException">Nothing was written.</exception>
    Task<Decision<T>> DecidePatientlyAsync<T>(AccountId account, Func<Account, Decision<T>> decide, CancellationToken cancellationToken)
        where T : class;

    /// <summary>
    /// Reads the audit log in its order, without holding up the writer: entries appended meanwhile are seen as well.
    /// </summary>
    /// <param name="from">The key of the first entry to read; 0 for all.</param>
    /// <param name="accountRow">The row's name of the one account whose entries are wanted, as <see cref="RowOf"/> gives it; null for all.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="StorageException">The log cannot be read.</exception>
    IAsyncEnumerable<AuditRow> ReadAuditAsync(long from, ReadOnlyMemory<byte>? accountRow, CancellationToken cancellationToken);
}
