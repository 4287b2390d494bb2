using Custodian.Core;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>
/// Every account as a call would load it: its row, its record rows, their sealed parts and bodies, and its newest audit entry; and of one
/// that does not load, what the log says should be there.
/// </summary>
internal sealed class AccountCheck(
    SqliteConnection connection, NodeSecrets secrets, Dictionary<long, byte[]> logged, VerificationReport report)
{
    private const long PageSize = 256;

    internal void Run(VerificationProgress progress, CancellationToken cancellationToken)
    {
        long all = connection.Number("SELECT count(*) FROM accounts");
        using var reader = new AccountReader(connection, secrets, new BodyCache(0));
        using var names = new Statement(connection, "SELECT id, row FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2");
        long last = long.MinValue;
        while (Page(names, last) is { Count: > 0 } page)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CheckPage(reader, page);
            progress.Count("accounts", report.Accounts, all);
            last = page[^1].Id;
        }

        foreach (byte[] gone in logged.Values)
        {
            Add("account", gone, null, "the audit log knows the account, and its row is gone", FindingAdvice.Account);
            CompareWithLog(gone, 0);
        }
    }

    private static List<(long Id, byte[] Row)> Page(Statement names, long after)
    {
        using Statement.Rows reader = names.Query(after, PageSize);
        List<(long, byte[])> page = [];
        while (reader.Read())
        {
            page.Add((reader.Number(0), reader.Blob(1)));
        }

        return page;
    }

    private void CheckPage(AccountReader reader, List<(long Id, byte[] Row)> page)
    {
        connection.Run("BEGIN");
        try
        {
            page.ForEach(a => Check(reader, a.Id, a.Row));
        }
        finally
        {
            connection.RollBackIfOpen();
        }
    }

    private void Check(AccountReader reader, long id, byte[] row)
    {
        report.Accounts++;
        if (row.Length != RowMacs.Size)
        {
            Add("account", row, null, "the name of the account's row is no name that the node makes", FindingAdvice.Account);
            return;
        }

        logged.Remove(AccountReader.AuditKey(row));
        try
        {
            LoadedAccount loaded = reader.Load(row);
            report.Records += loaded.Records.Count;
            foreach (StoredRecord record in loaded.Account.Records)
            {
                Tally(record);
            }
        }
        catch (StorageException tampered) when (tampered.Fault == StorageFault.Tampered)
        {
            Explain(reader, id, row, tampered.Message);
        }
    }

    /// <summary>Counted here, where it was just authenticated: by this an operator destroys keys.</summary>
    private void Tally(StoredRecord record)
    {
        if (BlobVersions.TryRead(record.SealedPart.Span, out BlobVersions versions) && BlobVersions.AreOfRecord(record.SealedPart.Span))
        {
            report.RecordsUnder[versions] = report.RecordsUnder.GetValueOrDefault(versions) + 1;
        }
        else
        {
            report.UnreadableRecords++;
        }
    }

    private void Explain(AccountReader reader, long id, byte[] row, string refusal)
    {
        List<(string Record, string What)> faults = reader.FaultsOfRecords(row);
        faults.ForEach(f => Add("record", row, f.Record, f.What, FindingAdvice.Account));
        if (faults.TrueForAll(f => f.What != refusal))
        {
            Add("account", row, null, refusal, FindingAdvice.Account);
        }

        CompareWithLog(row, id);
    }

    /// <summary>Names the records that should be there and are not, and those that should not and are.</summary>
    private void CompareWithLog(byte[] row, long id)
    {
        IReadOnlyDictionary<RecordId, RecordState> live = LoggedAccount.Read(connection, secrets, row).Live;
        HashSet<string> present = [.. Present(id)];
        foreach ((RecordId record, RecordState state) in live.Where(r => !present.Contains(r.Key.ToString())))
        {
            Add("record", row, record.ToString(), $"the audit log says that the record is {state.ToString().ToUpperInvariant()}, and its row is gone", FindingAdvice.Account);
        }

        foreach (string record in present.Except(live.Keys.Select(r => r.ToString())))
        {
            Add("record", row, record, "the audit log does not know the record as a live one: its row was put back or added", FindingAdvice.Account);
        }
    }

    private List<string> Present(long account)
    {
        using var find = new Statement(connection, "SELECT lower(hex(record_id)) FROM records WHERE account = ?1");
        using Statement.Rows reader = find.Query(account);
        List<string> present = [];
        while (reader.Read())
        {
            present.Add(reader.Text(0));
        }

        return present;
    }

    private void Add(string part, byte[] row, string? record, string what, string next) =>
        report.Add(new Finding(part, Convert.ToHexStringLower(row.AsSpan(0, Math.Min(8, row.Length))), record, what, next));
}
