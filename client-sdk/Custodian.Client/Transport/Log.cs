using Microsoft.Extensions.Logging;

namespace Custodian.Client;

/// <summary>What the SDK logs. No secret, token, share or account name is ever an argument.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Node}: no {Answer}: {Why}")]
    internal static partial void CallFailed(ILogger log, string node, string answer, string why);

    [LoggerMessage(2, LogLevel.Warning, "{Node} is faulty: {Why}")]
    internal static partial void NodeFaulty(ILogger log, string node, string why);

    [LoggerMessage(3, LogLevel.Information, "Record {Record} of generation {Generation} recovered with {Answers} answers")]
    internal static partial void Recovered(ILogger log, string record, ulong generation, int answers);

    [LoggerMessage(4, LogLevel.Information, "Record {Record} of generation {Generation} stored at {Stored} nodes, active at {Active}")]
    internal static partial void Enrolled(ILogger log, string record, ulong generation, int stored, int active);

    [LoggerMessage(6, LogLevel.Warning, "The application's progress failed: {Failure}")]
    internal static partial void ProgressFailed(ILogger log, string failure);

    [LoggerMessage(5, LogLevel.Warning, "Attempts at record {Record} were made elsewhere: {Attempts} at {Node}")]
    internal static partial void ForeignAttempts(ILogger log, string record, int attempts, string node);
}
