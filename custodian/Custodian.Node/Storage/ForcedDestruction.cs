using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>A record row that may be the account's, and the sealed part that it points to; empty when there is none.</summary>
internal sealed record SuspectRecord(long Id, byte[] RecordId, long Slot, byte[] Part);

/// <summary>What a forced destruction did.</summary>
/// <param name="Records">Record rows that are gone.</param>
/// <param name="Erased">Sealed parts overwritten with zeros.</param>
/// <param name="LogIsErased">Whether the write-ahead log is rid of them; otherwise the node's next start erases it.</param>
internal sealed record Destruction(int Records, int Erased, bool LogIsErased);

/// <summary>
/// The end of an account whose rows do not authenticate, on the operator's word: its record rows go, and a new account row stands on what
/// the audit log says, so that no record_id that was ever stored there is stored again.
/// </summary>
/// <remarks>
/// A row that was edited may point to what is another account's. So a sealed part is erased only when the HSM has opened it as this
/// account's; any other stays where it lies, for <c>custodian verify</c> to name. One transaction: a crash leaves the account as it was,
/// or destroyed; the write-ahead log is truncated after it, or at the node's next start.
/// </remarks>
internal sealed class ForcedDestruction(SqliteConnection connection, NodeId node, NodeSecrets secrets, TimeProvider time)
{
    /// <summary>The record rows of the account, and those of no account that bear the name of a record of it.</summary>
    internal List<SuspectRecord> Suspects(byte[] row)
    {
        LoggedAccount logged = LoggedAccount.Read(connection, secrets, row);
        using var find = new Statement(
            connection,
            """
            SELECT r.id, r.record_id, r.slot, s.part, r.account = ?1
            FROM records r LEFT JOIN sealed_parts s ON s.slot = r.slot
            WHERE r.account = ?1 OR r.account NOT IN (SELECT id FROM accounts)
            """);
        using Statement.Rows reader = find.Query(AccountId(row) ?? 0L);
        List<SuspectRecord> suspects = [];
        while (reader.Read())
        {
            byte[] id = reader.Blob(1);
            bool isNamed = RecordId.TryRead(id, out RecordId name) && logged.Generations.ContainsKey(name);
            if (reader.Number(4) != 0 || isNamed)
            {
                suspects.Add(new SuspectRecord(reader.Number(0), id, reader.Number(2), PartOf(reader)));
            }
        }

        return suspects;
    }

    /// <summary>Destroys the account.</summary>
    /// <param name="row">The name of its row.</param>
    /// <param name="own">The suspects whose parts the HSM opened as this account's.</param>
    /// <exception cref="SqliteException">Nothing was changed.</exception>
    internal Destruction Destroy(byte[] row, IReadOnlyList<SuspectRecord> own)
    {
        (int removed, int erased) = connection.InTransaction(() =>
        {
            List<SuspectRecord> suspects = Suspects(row);
            int erased = suspects.Count(s => EraseIfOwn(s, own));
            suspects.ForEach(Remove);
            WriteAccount(row);
            Forget(row);
            return (suspects.Count, erased);
        });
        return new Destruction(removed, erased, TruncateLog());
    }

    private static byte[] PartOf(Statement.Rows reader)
    {
        try
        {
            return reader.IsNull(3) ? [] : SealedSlot.Unpad(reader.Blob(3));
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private long? AccountId(byte[] row)
    {
        using var find = new Statement(connection, "SELECT id FROM accounts WHERE row = ?1");
        using Statement.Rows reader = find.Query(row);
        return reader.Read() ? reader.Number(0) : null;
    }

    /// <summary>Only what is still there as the HSM opened it.</summary>
    private bool EraseIfOwn(SuspectRecord suspect, IReadOnlyList<SuspectRecord> own)
    {
        if (suspect.Part.Length == 0 || !own.Any(o => o.Slot == suspect.Slot && o.Part.AsSpan().SequenceEqual(suspect.Part)))
        {
            return false;
        }

        using var slots = new SlotWriter(connection);
        slots.Erase(suspect.Slot, suspect.Part);
        return true;
    }

    private void Remove(SuspectRecord suspect)
    {
        using var body = new Statement(connection, "DELETE FROM bodies WHERE id = ?1");
        using var record = new Statement(connection, "DELETE FROM records WHERE id = ?1");
        body.Run(suspect.Id);
        record.Write(suspect.Id);
    }

    private void WriteAccount(byte[] row)
    {
        Account next = Remainder(row);
        AccountColumns columns = AccountColumns.Of(row, next, RandomNumberGenerator.GetBytes(AuditEntry.RandomSize));
        byte[] mac = RowMacs.OfAccount(secrets, columns, []);
        using var audit = new AuditWriter(connection, node, secrets, time);
        audit.Append(new AuditEvent(AuditKind.DestroyedByOperator, default, next.HighestGeneration, null, 0), columns, mac);
        using var write = new Statement(
            connection,
            $"""
            INSERT INTO accounts ({AccountWriter.AccountColumnNames}) VALUES ({AccountWriter.NewAccountId}, ?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (row) DO UPDATE SET highest_generation = ?2, forgotten_generation = ?3, tombstones = ?4, newest_audit = ?5, mac = ?6
            """);
        write.Write(
            row, unchecked((long)columns.HighestGeneration), unchecked((long)columns.ForgottenGeneration), columns.Tombstones, columns.NewestAudit, mac);
    }

    /// <summary>
    /// What is left of the account: tombstones of all that the log names. The rows themselves have no say, since whoever edited them could
    /// make the account unusable for good by a generation of their choosing.
    /// </summary>
    private Account Remainder(byte[] row)
    {
        Tombstone[] all =
        [
            .. LoggedAccount.Read(connection, secrets, row).Generations
                .OrderBy(r => r.Value).Select(r => new Tombstone(r.Key, r.Value, DestroyReason.DestroyedByOperator)),
        ];
        return new Account
        {
            Tombstones = [.. all.TakeLast(Account.TombstonesKept)],
            HighestGeneration = all.Length == 0 ? 0 : all[^1].Generation,
            ForgottenGeneration = all.Length <= Account.TombstonesKept ? 0 : all[^(Account.TombstonesKept + 1)].Generation,
        };
    }

    private void Forget(byte[] row)
    {
        using var notice = new Statement(connection, "DELETE FROM refused_accounts WHERE row = ?1");
        notice.Run(row);
    }

    private bool TruncateLog()
    {
        using var truncate = new Statement(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        using Statement.Rows reader = truncate.Query();
        return reader.Read() && reader.Number(0) == SQLitePCL.raw.SQLITE_OK;
    }
}
