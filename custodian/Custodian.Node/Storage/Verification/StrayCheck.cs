using Custodian.Pkcs11;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>Rows that belong to nothing, and slots that were given back and are not empty.</summary>
internal sealed class StrayCheck(SqliteConnection connection, VerificationReport report)
{
    private const string OfNothing = "WHERE slot NOT IN (SELECT slot FROM records) AND slot NOT IN (SELECT slot FROM free_slots)";

    internal void Run()
    {
        report.FreeSlots = connection.Number("SELECT count(*) FROM free_slots");
        Each("record", "SELECT lower(hex(record_id)) FROM records WHERE account NOT IN (SELECT id FROM accounts)", "the record row belongs to no account");
        Each("record", "SELECT lower(hex(record_id)) FROM records WHERE slot NOT IN (SELECT slot FROM sealed_parts)", "the record's sealed part is gone");
        Each("record", "SELECT lower(hex(record_id)) FROM records WHERE slot IN (SELECT slot FROM free_slots)", "the record's sealed part lies in a slot that is listed as free");
        Each("record", "SELECT lower(hex(record_id)) FROM records WHERE id NOT IN (SELECT id FROM bodies)", "the record's body is gone");
        Each("slot", "SELECT 'slot ' || slot FROM records GROUP BY slot HAVING count(*) > 1", "two record rows point to the same sealed part");
        Each("body", "SELECT 'body ' || id FROM bodies WHERE id NOT IN (SELECT id FROM records)", "the body belongs to no record");
        Tally();
        Each(
            "slot",
            $"SELECT 'slot ' || slot FROM sealed_parts {OfNothing}",
            "the sealed part belongs to no record, and its slot is not listed as free: if its record was destroyed, its key material is still here");
        Each(
            "slot",
            "SELECT 'slot ' || f.slot FROM free_slots f LEFT JOIN sealed_parts s ON s.slot = f.slot WHERE s.part IS NOT zeroblob(f.size)",
            "the slot is listed as free and is not zeros of its size: destroyed key material may be here");
    }

    private void Tally()
    {
        using var find = new Statement(connection, $"SELECT substr(part, 5, {BlobVersions.HeaderLength}) FROM sealed_parts {OfNothing}");
        using Statement.Rows reader = find.Query();
        while (reader.Read())
        {
            if (BlobVersions.TryRead(reader.Blob(0), out BlobVersions versions))
            {
                report.StrayUnder[versions] = report.StrayUnder.GetValueOrDefault(versions) + 1;
            }
        }
    }

    private void Each(string part, string sql, string what)
    {
        using var find = new Statement(connection, sql);
        using Statement.Rows reader = find.Query();
        while (reader.Read())
        {
            report.Add(new Finding(part, null, reader.Text(0), what, FindingAdvice.Stray));
        }
    }
}
