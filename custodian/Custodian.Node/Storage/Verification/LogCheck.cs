using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>Every entry of the audit log by itself, and the chain that ties it to those before it.</summary>
internal sealed class LogCheck(SqliteConnection connection, NodeSecrets secrets, VerificationReport report)
{
    private const long PageSize = 512;

    private readonly Dictionary<long, byte[]> _accounts = [];
    private byte[] _chain = [];
    private long _next = long.MinValue;

    /// <summary>What stands for each account in the log, with the name of its row; what is left of it once accounts are known is gone.</summary>
    internal Dictionary<long, byte[]> AccountKeys => _accounts;

    internal void Run(VerificationProgress progress, CancellationToken cancellationToken)
    {
        long all = connection.Number("SELECT count(*) FROM audit");
        using var page = new Statement(connection, "SELECT id, account, entry, mac, chain FROM audit WHERE id >= ?1 ORDER BY id LIMIT ?2");
        while (CheckPage(page) == PageSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress.Count("audit entries", report.AuditEntries, all);
        }
    }

    private long CheckPage(Statement page)
    {
        using Statement.Rows reader = page.Query(_next, PageSize);
        long count = 0;
        while (reader.Read())
        {
            Check(reader);
            count++;
        }

        report.AuditEntries += count;
        return count;
    }

    private void Check(Statement.Rows reader)
    {
        (long id, long account, byte[] bytes) = (reader.Number(0), reader.Number(1), reader.Blob(2));
        (byte[] mac, byte[] chain) = (reader.Blob(3), reader.Blob(4));
        bool parses = AuditEntry.TryParse(bytes, out AuditEntry? entry);
        if (!parses || !RowMacs.AreEqual(RowMacs.OfAudit(secrets, id, account, bytes), mac))
        {
            Add(AccountIn(account), id, "the entry was edited, copied or moved: it is not the one that the node wrote here");
        }
        else
        {
            _accounts.TryAdd(account, entry!.AccountRow.ToArray());
        }

        if (!RowMacs.AreEqual(RowMacs.OfChain(secrets, _chain, mac), chain))
        {
            // Whose entries are missing nobody can tell from the one that comes after them.
            Add(null, id, "the entry does not follow the one before it: entries between them were removed, added or exchanged");
        }

        (_chain, _next) = (chain, id + 1);
    }

    private static string AccountIn(long key) => key.ToString("x16", CultureInfo.InvariantCulture);

    private void Add(string? account, long id, string what) =>
        report.Add(new Finding("audit", account, $"entry {id}", what, FindingAdvice.Audit));
}
