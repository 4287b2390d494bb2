using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// What the authentic entries of the audit log say of one account, whatever its rows hold: every record there ever was, and those that
/// should live. Entries that are not this node's are passed over.
/// </summary>
internal sealed class LoggedAccount
{
    private readonly Dictionary<RecordId, ulong> _generations = [];
    private readonly HashSet<RecordId> _superseded = [];
    private RecordId? _pending;
    private RecordId? _active;

    private LoggedAccount()
    {
    }

    /// <summary>Every record that an entry names, with its generation, in the order of their first entries.</summary>
    internal IReadOnlyDictionary<RecordId, ulong> Generations => _generations;

    /// <summary>The records that live after the last entry, with their states.</summary>
    internal IReadOnlyDictionary<RecordId, RecordState> Live
    {
        get
        {
            Dictionary<RecordId, RecordState> live = _superseded.ToDictionary(id => id, _ => RecordState.Superseded);
            if (_active is { } active)
            {
                live[active] = RecordState.Active;
            }

            if (_pending is { } pending)
            {
                live[pending] = RecordState.Pending;
            }

            return live;
        }
    }

    internal static LoggedAccount Read(SqliteConnection connection, NodeSecrets secrets, byte[] row)
    {
        var account = new LoggedAccount();
        long key = AccountReader.AuditKey(row);
        using var entries = new Statement(connection, "SELECT id, entry, mac FROM audit WHERE account = ?1 ORDER BY id");
        using Statement.Rows reader = entries.Query(key);
        while (reader.Read())
        {
            byte[] bytes = reader.Blob(1);
            bool isAuthentic = RowMacs.AreEqual(RowMacs.OfAudit(secrets, reader.Number(0), key, bytes), reader.Blob(2));
            if (isAuthentic && AuditEntry.TryParse(bytes, out AuditEntry? entry) && entry.AccountRow.Span.SequenceEqual(row))
            {
                account.Apply(entry.Event);
            }
        }

        return account;
    }

    private void Apply(AuditEvent what)
    {
        if (what.Record != default)
        {
            _generations.TryAdd(what.Record, what.Generation);
        }

        switch (what.Kind)
        {
            case AuditKind.Deposited:
                _pending = what.Record;
                break;
            case AuditKind.Activated:
            case AuditKind.Confirmed when _pending == what.Record:
                Activate(what.Record);
                break;
            case AuditKind.Retired:
                _superseded.Remove(what.Record);
                break;
            case AuditKind.Deleted when _active != what.Record:
                Bury(what.Record);
                break;
            case AuditKind.Deleted:
            case AuditKind.DestroyedByOperator:
                BuryAll();
                break;
            default:
                break;
        }
    }

    private void Activate(RecordId record)
    {
        if (_active is { } former)
        {
            _superseded.Add(former);
        }

        (_active, _pending) = (record, null);
    }

    private void Bury(RecordId record)
    {
        _superseded.Remove(record);
        _pending = _pending == record ? null : _pending;
    }

    private void BuryAll()
    {
        _superseded.Clear();
        (_active, _pending) = (null, null);
    }
}
