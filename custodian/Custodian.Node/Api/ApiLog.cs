using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Api;

/// <summary>
/// What the API logs. Every line carries the call's request id; none carries a token, a share, a point, an account or anything else that
/// came with the request: of a refused field only its name is known here.
/// </summary>
internal static partial class ApiLog
{
    [LoggerMessage(1, LogLevel.Information, "{Method} refused: {Reason}{Field} [request {RequestId}]")]
    internal static partial void Refused(ILogger logger, string method, string reason, string field, string requestId);

    [LoggerMessage(2, LogLevel.Information, "{Method} given up by its caller [request {RequestId}]")]
    internal static partial void Cancelled(ILogger logger, string method, string requestId);

    [LoggerMessage(3, LogLevel.Warning, "{Method} waited too long for the HSM or the database; nothing was charged [request {RequestId}]")]
    internal static partial void WaitedTooLong(ILogger logger, string method, string requestId);

    [LoggerMessage(4, LogLevel.Error, "{Method} refused: the HSM failed, {Class}: {Why} [request {RequestId}]")]
    internal static partial void HsmFailed(ILogger logger, string method, HsmErrorClass @class, string why, string requestId);

    [LoggerMessage(5, LogLevel.Error, "{Method} refused: the database failed, {Fault} [request {RequestId}]")]
    internal static partial void StorageFailed(
        ILogger logger, StorageException exception, string method, StorageFault fault, string requestId);

    [LoggerMessage(6, LogLevel.Critical, "{Method} refused: a row of the account does not authenticate; the database was edited behind this node's back, or put back from a copy [request {RequestId}]")]
    internal static partial void StorageTampered(ILogger logger, StorageException exception, string method, string requestId);

    [LoggerMessage(7, LogLevel.Error, "{Method} failed in a way that is this program's fault [request {RequestId}]")]
    internal static partial void Faulted(ILogger logger, Exception exception, string method, string requestId);

    [LoggerMessage(8, LogLevel.Error, "Evaluate refused: the HSM failed, {Class}: {Why}; the attempt's charge was {Outcome} [request {RequestId}]")]
    internal static partial void Refund(ILogger logger, HsmErrorClass @class, string why, string outcome, string requestId);

    [LoggerMessage(9, LogLevel.Error, "Evaluate refused: the HSM failed, {Class}: {Why}; the attempt's charge could not be taken back [request {RequestId}]")]
    internal static partial void RefundFailed(ILogger logger, StorageException exception, HsmErrorClass @class, string why, string requestId);

    [LoggerMessage(11, LogLevel.Error, "the database failed, {Fault}, and the node is not ready until a trial write succeeds: {Why}")]
    internal static partial void StorageUnready(ILogger logger, StorageFault fault, string why);

    [LoggerMessage(10, LogLevel.Information, "{Method} refused: {Reason}, after {Unsaid} others of which there is no line [request {RequestId}]")]
    internal static partial void RefusedAgain(ILogger logger, string method, string reason, long unsaid, string requestId);

    /// <summary>Without a stack: every call brings a failure about for as long as the HSM is away, and the message says what it did.</summary>
    internal static string WordsOf(HsmException failure) => failure.Message.TrimEnd('.');
}
