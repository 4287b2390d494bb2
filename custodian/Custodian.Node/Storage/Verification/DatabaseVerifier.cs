using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage.Verification;

/// <summary>
/// Goes through a whole database and names everything that is not as the node left it. Changes nothing; a copy stays marked as one.
/// </summary>
/// <remarks>
/// Safe beside a serving node: accounts and the log are read a page at a time, each page as of one instant, so that no checkpoint waits for
/// long. Only SQLite's own check reads the file in one go; meanwhile calls that destroy a record wait for the log's truncation.
/// What the node writes meanwhile is checked or not, and never a finding.
/// </remarks>
internal sealed class DatabaseVerifier(SqliteStoreOptions options, NodeSecrets secrets, VerificationProgress progress)
{
    private readonly VerificationReport _report = new();

    /// <summary>Runs every check that needs no HSM.</summary>
    /// <exception cref="StorageException">The database cannot be opened at all.</exception>
    internal VerificationReport Run(CancellationToken cancellationToken)
    {
        using SqliteConnection connection = Open();
        Guarded("file", () => new FileCheck(connection, _report).Run(progress));
        var log = new LogCheck(connection, secrets, _report);
        Guarded("audit", () => log.Run(progress, cancellationToken));
        Guarded("account", () => new AccountCheck(connection, secrets, log.AccountKeys, _report).Run(progress, cancellationToken));
        Guarded("slot", () => new StrayCheck(connection, _report).Run());
        return _report;
    }

    private SqliteConnection Open()
    {
        try
        {
            return SqliteConnections.OpenReader(options);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    /// <summary>A damaged page ends the check that meets it, and no other.</summary>
    private void Guarded(string part, Action check)
    {
        try
        {
            check();
        }
        catch (SqliteException failure)
        {
            _report.Add(new Finding(
                part, null, null, $"SQLite gives up here with result {failure.SqliteExtendedErrorCode}; the rest of this part is not checked", FindingAdvice.File));
        }
        catch (InvalidCastException)
        {
            _report.Add(new Finding(
                part, null, null, "a column holds a value of another type; the rest of this part is not checked", FindingAdvice.File));
        }
    }
}

/// <summary>Tells of long work every two seconds.</summary>
/// <param name="say">Takes a line.</param>
/// <param name="time">The clock.</param>
internal sealed class VerificationProgress(Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(2);

    private long _last = time.GetTimestamp();

    internal void Say(string what) => say(what);

    internal void Count(string what, long done, long all)
    {
        if (time.GetElapsedTime(_last) >= Pace)
        {
            _last = time.GetTimestamp();
            say($"{done} of {all} {what}");
        }
    }
}
