using System.Globalization;
using Custodian.Pkcs11;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>Records under a key that the token lacks: retired, or lost. The HSM opens none of them. A damaged file is the other checks' to name.</summary>
internal static class KeyVersionCheck
{
    /// <summary>Rows that would authorise a key, and that the node did not write.</summary>
    internal static void RunAuthorities(SqliteStoreOptions options, NodeSecrets secrets, VerificationReport report)
    {
        if (KeyAuthorities.Read(options, secrets).Forged is > 0 and var forged)
        {
            report.Add(new Finding(
                "key", null, "key_versions", string.Create(CultureInfo.InvariantCulture, $"{forged} rows that authorise keys are not authentic, and count for nothing"), FindingAdvice.Key));
        }
    }

    internal static void Run(SqliteStoreOptions options, KeyInventory keys, VerificationReport report)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            foreach (RecordsUnder records in KeyQueries.Use(connection).Records)
            {
                Check(KeyPurpose.Seal, records.Versions.Seal, records.Count);
                Check(KeyPurpose.Wrap, records.Versions.Wrap!.Value, records.Count);
            }
        }
        catch (Exception damaged) when (damaged is SqliteException or InvalidCastException && !report.IsSound)
        {
            // Found before.
        }

        void Check(KeyPurpose purpose, uint version, long count)
        {
            if (!keys.Of(purpose).Contains(version))
            {
                report.Add(new Finding(
                    "key", null, TokenKeys.LabelOf(purpose, version),
                    string.Create(CultureInfo.InvariantCulture, $"the HSM's token lacks it, and {count} records are under it"), FindingAdvice.Key));
            }
        }
    }
}
