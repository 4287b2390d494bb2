using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// What a database knows of the copy that it is or goes on from. Times are Unix milliseconds; 0 where they are not known.
/// </summary>
/// <param name="CopiedMs">When <c>custodian backup</c> made the copy; 0 for a file that was copied by other means.</param>
/// <param name="BehindMs">The time of the copy's newest audit entry: what happened at the node after it is forgotten.</param>
/// <param name="AcceptedMs">When the operator accepted that; 0 while the node waits for it and answers no Evaluate.</param>
internal sealed record Restoration(long CopiedMs, long BehindMs, long AcceptedMs)
{
    // One charge that RestoreRule put in the place of a forgotten one: a digest of zeros, charged at time zero. No charge of a user's
    // has such a digest, so that forty zeros in a row are found in a restrained record only.
    private const string Limited = "instr(charges, zeroblob(40)) > 0";

    /// <summary>Whether the operator has yet to accept what was forgotten.</summary>
    internal bool AwaitsAcceptance => AcceptedMs == 0;

    /// <summary>The words that accept it.</summary>
    internal string Words => $"attempts made since {Said(BehindMs)} are forgotten";

    /// <summary>What an operator is told of a node that waits.</summary>
    internal string Advice =>
        $"this database is a copy{(CopiedMs == 0 ? "" : $" made at {Said(CopiedMs)}")}, and knows nothing of what happened after {Said(BehindMs)}; "
        + "every record has one attempt at most until its next Confirm, and no Evaluate is answered until an operator accepts that: "
        + $"custodian restore --accept \"{Words}\"";

    /// <summary>A time as operators read and type it: UTC, to the second.</summary>
    internal static string Said(long ms) =>
        DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Null for a database that was never restored. What a copy that no store has opened yet says may be unknown still.</summary>
    internal static Restoration? Read(SqliteConnection connection)
    {
        using var statement = new Statement(connection, "SELECT copied_ms, behind_ms, accepted_ms FROM restoration WHERE id = 1");
        using Statement.Rows reader = statement.Query();
        return reader.Read() ? new Restoration(reader.Number(0), reader.Number(1), reader.Number(2)) : null;
    }

    /// <summary>How many live records still lack the attempts that the restoration took: those without a Confirm since.</summary>
    internal static long LimitedRecords(SqliteConnection connection) => connection.Number($"SELECT count(*) FROM records WHERE {Limited}");
}
