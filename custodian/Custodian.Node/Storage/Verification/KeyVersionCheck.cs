using System.Globalization;
using Custodian.Pkcs11;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>
/// The list of the node's keys, and records under a key that the token lacks, or that the list does not name. Rows of a damaged file are
/// the other checks' to name.
/// </summary>
internal static class KeyVersionCheck
{
    internal static void Run(SqliteStoreOptions options, NodeSecrets secrets, KeyInventory keys, VerificationReport report)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            if (Schema.VersionOf(connection) >= Schema.WithKeyList)
            {
                CheckList(KeyList.Read(connection, secrets), KeyQueries.Use(connection), report);
            }

            foreach ((KeyPurpose purpose, uint version, long count) in UnderEach(KeyQueries.Use(connection)).Where(u => !keys.Of(u.Purpose).Contains(u.Version)))
            {
                string label = TokenKeys.LabelOf(purpose, version);
                Add(report, label, $"{Lack(keys, label)}, and {Records(count)} are under it", FindingAdvice.Key);
            }
        }
        catch (Exception damaged) when (damaged is SqliteException or InvalidCastException && !report.IsSound)
        {
            // Found before.
        }
    }

    /// <summary>A list that was put back from an older copy authenticates; what lies under keys that it does not know shows it.</summary>
    private static void CheckList(KeyList? list, KeyUse use, VerificationReport report)
    {
        if (list is null)
        {
            Add(report, KeyList.Row, "the list of the keys that the node makes new things under is missing, or not as the node wrote it", FindingAdvice.KeyList);
            return;
        }

        foreach ((KeyPurpose purpose, uint version, long count) in UnderEach(use).Where(u => list.Find(u.Purpose, u.Version) is null))
        {
            Add(
                report, TokenKeys.LabelOf(purpose, version),
                $"{(count == 0 ? "the node's secrets are" : $"{Records(count)} are")} under it, and the list of the node's keys does not name it: an older list was put in its place, or rows were edited",
                FindingAdvice.KeyList);
        }
    }

    /// <summary>Every version that something is under, with the number of records; 0 for one that only the node's secrets are under.</summary>
    private static IEnumerable<(KeyPurpose Purpose, uint Version, long Count)> UnderEach(KeyUse use) =>
        ((KeyPurpose[])[KeyPurpose.Seal, KeyPurpose.Wrap]).SelectMany(purpose => use.Holding(purpose).Select(version => (purpose, version, use.Under(purpose, version))));

    private static string Lack(KeyInventory keys, string label) => keys.Unused.FirstOrDefault(k => k.Label == label) is { } unfit
        ? $"the token has it, and it is not used: {unfit.Why}"
        : "the HSM's token lacks it";

    private static string Records(long count) => string.Create(CultureInfo.InvariantCulture, $"{count} records");

    private static void Add(VerificationReport report, string what, string why, string next) => report.Add(new Finding("key", null, what, why, next));
}
