using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>Whether the tables are those that the node makes, and whether SQLite finds its own structures whole.</summary>
internal sealed class FileCheck(SqliteConnection connection, VerificationReport report)
{
    internal void Run(VerificationProgress progress)
    {
        Schema.RefuseNewer(connection, Schema.Migrations);
        int version = Schema.VersionOf(connection);
        if (!Schema.IsAsMade(connection, [.. Schema.Migrations.Where(m => m.To <= version)]))
        {
            report.Add(new Finding("schema", null, null, "the tables, indexes, triggers or views are not those that this program makes", FindingAdvice.Schema));
        }

        progress.Say("SQLite checks its own structures");
        Ask("PRAGMA integrity_check(100)", line => line == "ok" ? null : line.ReplaceLineEndings(" "));
    }

    private void Ask(string sql, Func<string, string?> complaint)
    {
        using var check = new Statement(connection, sql);
        using Statement.Rows reader = check.Query();
        while (reader.Read())
        {
            if (complaint(reader.Text(0)) is { } what)
            {
                report.Add(new Finding("file", null, null, what, FindingAdvice.File));
            }
        }
    }
}
