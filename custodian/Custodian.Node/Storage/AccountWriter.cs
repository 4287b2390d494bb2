using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>What a change wrote.</summary>
/// <param name="Destroyed">Whether key material was destroyed, which the write-ahead log keeps until it is truncated.</param>
/// <param name="Entry">Its audit entry.</param>
internal sealed record WrittenChange(bool Destroyed, AuditTail Entry);

/// <summary>
/// Writes what a rule decided: the difference between the account as it was loaded and as it shall be, and the audit entry. Whoever
/// calls has a transaction open and has loaded the account in it. One thread at a time.
/// </summary>
internal sealed class AccountWriter : IDisposable
{
    /// <summary>
    /// The key of a new account row. Never one that record rows name already: those of an account whose row was taken away behind the
    /// node's back must not fall to whoever enrols next. Records and bodies are kept apart in the same way.
    /// </summary>
    internal const string NewAccountId =
        "1 + max(ifnull((SELECT max(id) FROM accounts), 0), ifnull((SELECT max(account) FROM records), 0))";

    internal const string AccountColumnNames = "id, row, highest_generation, forgotten_generation, tombstones, newest_audit, mac";

    private readonly NodeSecrets _secrets;
    private readonly BodyCipher _cipher;
    private readonly AuditWriter _audit;
    private readonly SlotWriter _slots;
    private readonly Statement _insertAccount;
    private readonly Statement _updateAccount;
    private readonly Statement _insertRecord;
    private readonly Statement _updateRecord;
    private readonly Statement _deleteRecord;
    private readonly Statement _insertBody;
    private readonly Statement _deleteBody;

    internal AccountWriter(SqliteConnection connection, NodeId node, NodeSecrets secrets, TimeProvider time)
    {
        _secrets = secrets;
        _cipher = new BodyCipher(secrets);
        _audit = new AuditWriter(connection, node, secrets, time);
        _slots = new SlotWriter(connection);
        _insertAccount = new Statement(
            connection,
            $"INSERT INTO accounts ({AccountColumnNames}) VALUES ({NewAccountId}, ?1, ?2, ?3, ?4, ?5, ?6)");
        _updateAccount = new Statement(
            connection,
            """
            UPDATE accounts SET highest_generation = ?2, forgotten_generation = ?3, tombstones = ?4, newest_audit = ?5, mac = ?6
            WHERE id = ?1
            """);
        _insertRecord = new Statement(
            connection,
            """
            INSERT INTO records (id, account, record_id, state, charges, last_sequence, confirmed_attempt, confirmed_sequence, stored_ms, slot,
              body_tag, mac)
            VALUES (1 + max(ifnull((SELECT max(id) FROM records), 0), ifnull((SELECT max(id) FROM bodies), 0)),
              ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            """);
        _updateRecord = new Statement(
            connection,
            """
            UPDATE records SET state = ?2, charges = ?3, last_sequence = ?4, confirmed_attempt = ?5, confirmed_sequence = ?6, mac = ?7
            WHERE id = ?1
            """);
        _deleteRecord = new Statement(connection, "DELETE FROM records WHERE id = ?1");
        _insertBody = new Statement(connection, "INSERT INTO bodies (id, body) VALUES (?1, ?2)");
        _deleteBody = new Statement(connection, "DELETE FROM bodies WHERE id = ?1");
    }

    /// <summary>Whether the audit log still has the place where it once ended.</summary>
    internal bool LogContains(AuditTail tail) => _audit.Contains(tail);

    /// <summary>Writes the change.</summary>
    /// <returns>What was written.</returns>
    internal WrittenChange Write(LoadedAccount loaded, Change change)
    {
        Dictionary<RecordId, StoredRecord> next = change.Next.Records.ToDictionary(r => r.Id);
        List<LoadedRecord> gone = [.. loaded.Records.Where(r => !next.ContainsKey(r.Record.Id))];
        List<byte[]> macs = [];
        foreach (LoadedRecord kept in loaded.Records.Where(r => next.ContainsKey(r.Record.Id)))
        {
            macs.Add(Update(loaded.Row, kept, next[kept.Record.Id]));
            next.Remove(kept.Record.Id);
        }

        List<NewRecord> added = [.. change.Next.Records.Where(r => next.ContainsKey(r.Id)).Select(r => Seal(loaded.Row, r))];
        macs.AddRange(added.Select(r => r.Mac));
        gone.ForEach(Destroy);
        (long account, AuditTail entry) = WriteAccount(loaded, change, macs);
        added.ForEach(r => Insert(account, r));
        return new WrittenChange(Destroyed: gone.Count > 0, entry);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _insertAccount.Dispose();
        _updateAccount.Dispose();
        _insertRecord.Dispose();
        _updateRecord.Dispose();
        _deleteRecord.Dispose();
        _insertBody.Dispose();
        _deleteBody.Dispose();
        _slots.Dispose();
        _audit.Dispose();
        _cipher.Dispose();
    }

    private sealed record NewRecord(RecordColumns Columns, byte[] Body, byte[] Mac);

    private byte[] Update(byte[] row, LoadedRecord before, StoredRecord after)
    {
        if (ReferenceEquals(before.Record, after))
        {
            return before.Mac;
        }

        if (!ReferenceEquals(before.Record.Header, after.Header))
        {
            throw new InvalidOperationException("a rule changes a record's state and counters, never what was deposited");
        }

        if (!before.Record.SealedPart.Equals(after.SealedPart))
        {
            _slots.Replace(before.Slot, before.Record.SealedPart.Span, after.SealedPart.Span);
        }

        RecordColumns columns = RecordColumns.Of(after, before.BodyTag);
        byte[] mac = RowMacs.OfRecord(_secrets, row, columns);
        _updateRecord.Write(
            before.Id,
            (long)columns.State,
            columns.Charges,
            unchecked((long)columns.LastSequence),
            columns.ConfirmedAttempt,
            unchecked((long)columns.ConfirmedSequence),
            mac);
        return mac;
    }

    private NewRecord Seal(byte[] row, StoredRecord record)
    {
        (byte[] tag, byte[] ciphertext) = _cipher.Seal(row, record.Id.ToArray(), RecordBody.Of(record).Encode());
        RecordColumns columns = RecordColumns.Of(record, tag);
        return new NewRecord(columns, ciphertext, RowMacs.OfRecord(_secrets, row, columns));
    }

    private void Insert(long account, NewRecord record)
    {
        RecordColumns columns = record.Columns;
        long id = _insertRecord.Write(
            account,
            columns.RecordId,
            (long)columns.State,
            columns.Charges,
            unchecked((long)columns.LastSequence),
            columns.ConfirmedAttempt,
            unchecked((long)columns.ConfirmedSequence),
            columns.StoredMs,
            _slots.Fill(columns.SealedPart),
            columns.BodyTag,
            record.Mac);
        _insertBody.Write(id, record.Body);
    }

    private void Destroy(LoadedRecord record)
    {
        _slots.Erase(record.Slot, record.Record.SealedPart.Span);
        _deleteBody.Write(record.Id);
        _deleteRecord.Write(record.Id);
    }

    private (long Id, AuditTail Entry) WriteAccount(LoadedAccount loaded, Change change, List<byte[]> recordMacs)
    {
        AccountColumns columns = AccountColumns.Of(loaded.Row, change.Next, RandomNumberGenerator.GetBytes(AuditEntry.RandomSize));
        byte[] mac = RowMacs.OfAccount(_secrets, columns, recordMacs);
        AuditTail entry = _audit.Append(change.Event, columns, mac);
        long highest = unchecked((long)columns.HighestGeneration);
        long forgotten = unchecked((long)columns.ForgottenGeneration);
        if (loaded.Id == 0)
        {
            return (_insertAccount.Write(columns.Row, highest, forgotten, columns.Tombstones, columns.NewestAudit, mac), entry);
        }

        _updateAccount.Write(loaded.Id, highest, forgotten, columns.Tombstones, columns.NewestAudit, mac);
        return (loaded.Id, entry);
    }
}
