using System.Security.Cryptography;
using Custodian.Protocol;

namespace Custodian.Node.Storage;

/// <summary>
/// The MACs of rows: HMAC-SHA-256 under the row key over a label that names the table and its layout, and every column that a rule
/// depends on, so that no row can be edited, moved or exchanged without the row key.
/// </summary>
/// <remarks>
/// An account's MAC covers the MACs of its record rows in the order of their keys: a record row that is put back, added or taken away
/// shows. A record's MAC covers the tag of its encrypted body. The account names its newest audit entry by that entry's random bytes and
/// the entry carries the account's MAC, so that an account that is put back with all its records shows as well, while the newer entry is
/// there. An audit row has two: one over the row itself, its key and its account, by which an account's newest entry is told when the
/// account is loaded; and one over that and the chain before it, so that an entry taken away shows when the log is read.
/// </remarks>
internal static class RowMacs
{
    /// <summary>Length of a MAC in bytes.</summary>
    internal const int Size = HMACSHA256.HashSizeInBytes;

    /// <summary>The name of an account's row: HMAC(lookup key, account_id), 32 bytes.</summary>
    internal static byte[] NameOf(NodeSecrets secrets, AccountId account)
    {
        Span<byte> id = stackalloc byte[AccountId.Size];
        account.CopyTo(id);
        return HMACSHA256.HashData(secrets.LookupKey, id);
    }

    internal static byte[] OfRecord(NodeSecrets secrets, ReadOnlySpan<byte> account, RecordColumns record) =>
        Mac(secrets, new LengthPrefixed("custodian/store/1 records")
            .Lp(account)
            .Lp(record.RecordId)
            .U8(record.State)
            .Lp(record.Charges)
            .U64(record.LastSequence)
            .Lp(record.ConfirmedAttempt)
            .U64(record.ConfirmedSequence)
            .U64(unchecked((ulong)record.StoredMs))
            .Lp(record.SealedPart)
            .Lp(record.BodyTag));

    internal static byte[] OfAccount(NodeSecrets secrets, AccountColumns account, IReadOnlyCollection<byte[]> recordMacs)
    {
        LengthPrefixed covered = new LengthPrefixed("custodian/store/1 accounts")
            .Lp(account.Row)
            .U64(account.HighestGeneration)
            .U64(account.ForgottenGeneration)
            .Lp(account.Tombstones)
            .Lp(account.NewestAudit)
            .U32((uint)recordMacs.Count);
        foreach (byte[] mac in recordMacs)
        {
            covered.Lp(mac);
        }

        return Mac(secrets, covered);
    }

    /// <summary>The MAC of an audit row by itself.</summary>
    /// <param name="secrets">The row key's owner.</param>
    /// <param name="id">The row's key.</param>
    /// <param name="account">What stands for the account in the index.</param>
    /// <param name="entry">The entry's bytes.</param>
    internal static byte[] OfAudit(NodeSecrets secrets, long id, long account, ReadOnlySpan<byte> entry) =>
        Mac(secrets, new LengthPrefixed("custodian/store/1 audit").U64(unchecked((ulong)id)).U64(unchecked((ulong)account)).Lp(entry));

    /// <summary>The MAC that chains an audit row to those before it.</summary>
    /// <param name="secrets">The row key's owner.</param>
    /// <param name="previous">The chain's MAC at the row before it; empty for the first.</param>
    /// <param name="own">The row's own MAC.</param>
    internal static byte[] OfChain(NodeSecrets secrets, ReadOnlySpan<byte> previous, ReadOnlySpan<byte> own) =>
        Mac(secrets, new LengthPrefixed("custodian/store/1 chain").Lp(previous).Lp(own));

    /// <summary>The MAC of the list of the node's keys, all of it.</summary>
    internal static byte[] OfKeyList(NodeSecrets secrets, ReadOnlySpan<byte> list) =>
        Mac(secrets, new LengthPrefixed("custodian/store/1 key_list").Lp(list));

    internal static bool AreEqual(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found) =>
        CryptographicOperations.FixedTimeEquals(expected, found);

    private static byte[] Mac(NodeSecrets secrets, LengthPrefixed covered) => HMACSHA256.HashData(secrets.RowKey, covered.ToArray());
}
