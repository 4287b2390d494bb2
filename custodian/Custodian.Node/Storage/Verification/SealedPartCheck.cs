using System.Security.Cryptography;
using Custodian.Node.Api.Calls;
using Custodian.Node.Host;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>
/// Has the HSM open every sealed part, as an Evaluate would, at a point that is everybody's: what comes out tells nobody anything and is
/// zeroed. A few operations per record, so it is for the operator to ask for.
/// </summary>
internal sealed class SealedPartCheck(NodeId node, IHsm hsm)
{
    /// <summary>Whether the part opens as that of the record of the account's row.</summary>
    /// <exception cref="HsmException">The HSM failed otherwise than by the part.</exception>
    internal async Task<bool> OpensAsync(byte[] row, RecordId record, byte[] part, CancellationToken cancellationToken)
    {
        for (bool hasLooked = false; ; hasLooked = true)
        {
            try
            {
                await OpenAsync(row, record, part, cancellationToken);
                return true;
            }
            catch (HsmException failure) when (failure.IsOfMissingKey && !hasLooked)
            {
                // A version that was made since this process looked: the node seals under it already.
                await hsm.RefreshKeysAsync();
            }
            catch (HsmException failure) when (failure.Class == HsmErrorClass.Data)
            {
                return false;
            }
        }
    }

    /// <summary>Opens the sealed parts of all records.</summary>
    /// <exception cref="HsmException">The HSM failed otherwise than by a part.</exception>
    internal async Task RunAsync(
        SqliteStoreOptions options, VerificationReport report, VerificationProgress progress, CancellationToken cancellationToken)
    {
        using SqliteConnection connection = SqliteConnections.OpenReader(options);
        long all = connection.Number("SELECT count(*) FROM records");
        long last = long.MinValue;
        while (Page(connection, last) is { Count: > 0 } page)
        {
            bool[] opened = await Task.WhenAll(page.Select(p => OpensAsync(p.Row, p.Record, p.Part, cancellationToken)));
            report.SealedParts += opened.LongCount(o => o);
            foreach (SealedPart refused in page.Where((_, i) => !opened[i]))
            {
                report.Add(new Finding(
                    "record", Convert.ToHexStringLower(refused.Row.AsSpan(0, 8)), refused.Record.ToString(),
                    "the HSM does not open the record's sealed part: it is another record's, damaged, or under a key that this HSM's token does not have", FindingAdvice.Account));
            }

            progress.Count("sealed parts", report.SealedParts, all);
            last = page[^1].Id;
        }
    }

    private async Task OpenAsync(byte[] row, RecordId record, byte[] part, CancellationToken cancellationToken)
    {
        using HsmAdmission admission = await AdmitAsync(cancellationToken);
        Evaluation evaluation = await hsm.EvaluateAsync(admission, part, HsmContext.OfRecord(node, row, record), BasePoint.Uncompressed);
        CryptographicOperations.ZeroMemory(evaluation.Evaluated);
        CryptographicOperations.ZeroMemory(evaluation.MaskedShare);
    }

    private async Task<HsmAdmission> AdmitAsync(CancellationToken cancellationToken) =>
        await hsm.AdmitAsync(cancellationToken)
        ?? throw new StorageException(StorageFault.Unavailable, "the HSM has no room for this check; try again when the node serves fewer calls");

    private static List<SealedPart> Page(SqliteConnection connection, long after)
    {
        using var find = new Statement(
            connection,
            """
            SELECT r.id, a.row, r.record_id, s.part FROM records r JOIN accounts a ON a.id = r.account JOIN sealed_parts s ON s.slot = r.slot
            WHERE r.id > ?1 AND length(a.row) = 32 AND length(r.record_id) = 16 ORDER BY r.id LIMIT 8
            """);
        using Statement.Rows reader = find.Query(after);
        List<SealedPart> page = [];
        while (reader.Read())
        {
            page.Add(new SealedPart(reader.Number(0), reader.Blob(1), RecordId.Read(reader.Blob(2)), PartIn(reader)));
        }

        return page;
    }

    private static byte[] PartIn(Statement.Rows reader)
    {
        try
        {
            return SealedSlot.Unpad(reader.Blob(3));
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private sealed record SealedPart(long Id, byte[] Row, RecordId Record, byte[] Part);
}
