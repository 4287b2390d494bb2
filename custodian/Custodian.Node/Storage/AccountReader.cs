using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// Loads accounts over one connection and refuses every row that does not authenticate. Whoever calls has a transaction open, so that
/// all rows are of one instant. One thread at a time.
/// </summary>
internal sealed class AccountReader : IDisposable
{
    private readonly NodeSecrets _secrets;
    private readonly BodyCache _cache;
    private readonly BodyCipher _cipher;
    private readonly Statement _account;
    private readonly Statement _records;
    private readonly Statement _body;
    private readonly Statement _entries;

    internal AccountReader(SqliteConnection connection, NodeSecrets secrets, BodyCache cache)
    {
        _secrets = secrets;
        _cache = cache;
        _cipher = new BodyCipher(secrets);
        _account = new Statement(
            connection,
            "SELECT id, highest_generation, forgotten_generation, tombstones, newest_audit, mac FROM accounts WHERE row = ?1");
        _records = new Statement(
            connection,
            """
            SELECT r.id, r.record_id, r.state, r.charges, r.last_sequence, r.confirmed_attempt, r.confirmed_sequence, r.stored_ms, r.slot,
              r.body_tag, r.mac, s.part
            FROM records r JOIN sealed_parts s ON s.slot = r.slot WHERE r.account = ?1 ORDER BY r.id
            """);
        _body = new Statement(connection, "SELECT body FROM bodies WHERE id = ?1");
        _entries = new Statement(connection, "SELECT id, entry, mac FROM audit WHERE account = ?1 ORDER BY id DESC");
    }

    /// <summary>What stands for an account in the audit table's index: the first eight bytes of its row's name.</summary>
    internal static long AuditKey(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadInt64BigEndian(row);

    /// <summary>Loads the account of this row's name; one that was never stored is empty.</summary>
    /// <exception cref="StorageException"><see cref="StorageFault.Tampered"/>: a row of it does not authenticate.</exception>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "listed by the filter")]
    internal LoadedAccount Load(byte[] row)
    {
        try
        {
            return LoadAuthentic(row);
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            // A value of another type or form than the node writes.
            throw Tampered("a row of the account holds what the node never wrote", broken);
        }
    }

    /// <summary>
    /// What is wrong with the single record rows of an account that <see cref="Load"/> refuses, one sentence each with the record_id as it
    /// stands in the row. None when what is wrong is the account's own row, or the company its rows are in.
    /// </summary>
    internal List<(string Record, string What)> FaultsOfRecords(byte[] row)
    {
        List<(string, string)> faults = [];
        if (TryReadId(row) is { } account)
        {
            using Statement.Rows reader = _records.Query(account);
            while (reader.Read())
            {
                if (FaultOf(reader, row) is { } what)
                {
                    faults.Add((NameIn(reader), what));
                }
            }
        }

        return faults;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _account.Dispose();
        _records.Dispose();
        _body.Dispose();
        _entries.Dispose();
        _cipher.Dispose();
    }

    private static StorageException Tampered(string what, Exception? inner = null) => new(StorageFault.Tampered, what, inner);

    private LoadedAccount LoadAuthentic(byte[] row)
    {
        if (ReadAccount(row) is not { } found)
        {
            return NewestEntry(row) is null
                ? new LoadedAccount(0, row, NewestEntry: 0, Account.Empty, [])
                : throw Tampered("the audit log knows an account whose row is gone");
        }

        (long id, AccountColumns columns, byte[] mac) = found;
        List<LoadedRecord> records = ReadRecords(id, row);
        if (!RowMacs.AreEqual(RowMacs.OfAccount(_secrets, columns, [.. records.Select(r => r.Mac)]), mac))
        {
            throw Tampered("the account's row does not authenticate: it or one of its record rows was edited, put back, added or removed");
        }

        long newest = CheckNewestEntry(row, columns.NewestAudit, mac);
        return new LoadedAccount(id, row, newest, Compose(columns, records), records);
    }

    private static bool IsBroken(Exception thrown) => thrown is FormatException or InvalidCastException or OverflowException
        or ArgumentException or InvalidOperationException or CryptographicException;

    private static string NameIn(Statement.Rows reader)
    {
        try
        {
            return Convert.ToHexStringLower(reader.Blob(1));
        }
        catch (InvalidCastException)
        {
            return "unreadable";
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "listed by the filter")]
    private string? FaultOf(Statement.Rows reader, byte[] row)
    {
        try
        {
            ReadRecord(reader, row);
            return null;
        }
        catch (StorageException tampered)
        {
            return tampered.Message;
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            return broken is CryptographicException
                ? "the record's body does not open: it was edited or exchanged"
                : "the record's row or body holds what the node never wrote";
        }
    }

    private long? TryReadId(byte[] row)
    {
        using Statement.Rows reader = _account.Query(row);
        return reader.Read() ? reader.Number(0) : null;
    }

    private static Account Compose(AccountColumns columns, List<LoadedRecord> records) => new()
    {
        Records = [.. records.Select(r => r.Record)],
        Tombstones = ListColumns.DecodeTombstones(columns.Tombstones),
        HighestGeneration = columns.HighestGeneration,
        ForgottenGeneration = columns.ForgottenGeneration,
    };

    private (long Id, AccountColumns Columns, byte[] Mac)? ReadAccount(byte[] row)
    {
        using Statement.Rows reader = _account.Query(row);
        if (!reader.Read())
        {
            return null;
        }

        var columns = new AccountColumns(row, Unsigned(reader, 1), Unsigned(reader, 2), reader.Blob(3), reader.Blob(4));
        return (reader.Number(0), columns, reader.Blob(5));
    }

    private List<LoadedRecord> ReadRecords(long account, byte[] row)
    {
        using Statement.Rows reader = _records.Query(account);
        List<LoadedRecord> records = [];
        while (reader.Read())
        {
            records.Add(ReadRecord(reader, row));
        }

        return records;
    }

    private LoadedRecord ReadRecord(Statement.Rows reader, byte[] row)
    {
        var columns = new RecordColumns(
            reader.Blob(1),
            checked((byte)reader.Number(2)),
            reader.Blob(3),
            Unsigned(reader, 4),
            reader.Blob(5),
            Unsigned(reader, 6),
            reader.Number(7),
            SealedSlot.Unpad(reader.Blob(11)),
            reader.Blob(9));
        byte[] mac = reader.Blob(10);
        if (!RowMacs.AreEqual(RowMacs.OfRecord(_secrets, row, columns), mac))
        {
            throw Tampered("a record's row does not authenticate: it was edited or exchanged");
        }

        long id = reader.Number(0);
        return new LoadedRecord(id, reader.Number(8), columns.BodyTag, mac, Compose(columns, ReadBody(id, row, columns)));
    }

    private static StoredRecord Compose(RecordColumns columns, RecordBody body) => new()
    {
        Header = body.Header,
        SealedPart = columns.SealedPart,
        MaskedShareDigest = body.MaskedShareDigest,
        Envelope = body.Envelope,
        DepositSignature = body.DepositSignature,
        Replacement = body.Replacement,
        StoredMs = columns.StoredMs,
        State = (RecordState)columns.State,
        Charges = ListColumns.DecodeCharges(columns.Charges),
        LastSequence = columns.LastSequence,
        ConfirmedAttempt = columns.ConfirmedAttempt.Length == 0 ? null : AttemptId.Read(columns.ConfirmedAttempt),
        ConfirmedSequence = columns.ConfirmedSequence,
    };

    private RecordBody ReadBody(long id, byte[] row, RecordColumns columns)
    {
        if (_cache.TryGet(id, columns.BodyTag, out RecordBody? cached))
        {
            return cached;
        }

        using Statement.Rows reader = _body.Query(id);
        byte[] ciphertext = reader.Read() ? reader.Blob(0) : throw Tampered("a record's body is gone");
        RecordBody body = RecordBody.Decode(_cipher.Open(row, columns.RecordId, columns.BodyTag, ciphertext));
        _cache.Put(id, columns.BodyTag, body);
        return body;
    }

    /// <summary>An account put back with all its record rows authenticates; only that its newest entry is a newer one gives it away.</summary>
    private long CheckNewestEntry(byte[] row, byte[] named, byte[] mac)
    {
        return NewestEntry(row) is { } newest
            && RowMacs.AreEqual(named, newest.Entry.Random.Span)
            && RowMacs.AreEqual(mac, newest.Entry.RowMac.Span)
            ? newest.Id
            : throw Tampered("the account's row is not the one that its newest audit entry was written with: one of them was put back");
    }

    private (long Id, AuditEntry Entry)? NewestEntry(byte[] row)
    {
        // Two accounts that share the first eight bytes of their names are told apart by the entries themselves.
        using Statement.Rows reader = _entries.Query(AuditKey(row));
        while (reader.Read())
        {
            long id = reader.Number(0);
            byte[] bytes = reader.Blob(1);
            bool isAuthentic = RowMacs.AreEqual(RowMacs.OfAudit(_secrets, id, AuditKey(row), bytes), reader.Blob(2));
            if (!isAuthentic || !AuditEntry.TryParse(bytes, out AuditEntry? entry))
            {
                throw Tampered("an audit entry of the account was edited or copied");
            }

            if (entry.AccountRow.Span.SequenceEqual(row))
            {
                return (id, entry);
            }
        }

        return null;
    }

    private static ulong Unsigned(Statement.Rows reader, int column) => unchecked((ulong)reader.Number(column));
}
