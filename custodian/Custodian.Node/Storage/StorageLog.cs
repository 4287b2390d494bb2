namespace Custodian.Node.Storage;

/// <summary>What the store logs. No secrets, shares or account names.</summary>
internal static partial class StorageLog
{
    [LoggerMessage(1, LogLevel.Critical, "the database failed at a COMMIT whose outcome is unknown; the store takes no more calls")]
    internal static partial void CommitLost(ILogger logger, Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "destroyed key material stays in the write-ahead log for now: another connection reads from it; the calls that destroyed it wait")]
    internal static partial void ErasureWaits(ILogger logger);

    [LoggerMessage(3, LogLevel.Error, "destroyed key material stays in the write-ahead log: it could not be truncated; tried again after the next write and at the next start")]
    internal static partial void ErasureFailed(ILogger logger, Exception exception);

    [LoggerMessage(4, LogLevel.Warning, "the database was restored from a copy: every record of its {Accounts} accounts has at most one attempt until its next Confirm; {Refused} accounts do not authenticate and are refused")]
    internal static partial void Restored(ILogger logger, int accounts, int refused);

    [LoggerMessage(5, LogLevel.Warning, "{Advice}")]
    internal static partial void AwaitsAcceptance(ILogger logger, string advice);

    [LoggerMessage(6, LogLevel.Information, "an operator accepted that attempts made since {Since} are forgotten; Evaluate is answered again")]
    internal static partial void Accepted(ILogger logger, string since);

    [LoggerMessage(7, LogLevel.Error, "the notice of a refused account could not be stored; 'custodian status' does not count it until it is refused again")]
    internal static partial void NoticeLost(ILogger logger, Exception exception);
}
