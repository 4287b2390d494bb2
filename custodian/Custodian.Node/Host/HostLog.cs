using Custodian.Protocol;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>What the host of a node logs. No secrets, tokens, shares or account names.</summary>
internal static partial class HostLog
{
    [LoggerMessage(1, LogLevel.Information, "node {Node} serves at {Address}; its certificate's SPKI pin is {Pin}")]
    internal static partial void Serving(ILogger logger, NodeId node, string address, string pin);

    [LoggerMessage(2, LogLevel.Error, "the HSM failed its canary ({ErrorClass}, {Function}, CK_RV {ReturnValue}); the node is not ready until it passes")]
    internal static partial void HsmLost(ILogger logger, HsmErrorClass errorClass, string function, ulong returnValue);

    [LoggerMessage(3, LogLevel.Information, "the HSM passes its canary again; the node is ready")]
    internal static partial void HsmBack(ILogger logger);

    [LoggerMessage(4, LogLevel.Critical, "the database failed while committing; the node stops, so that nothing is answered that is not durable")]
    internal static partial void StorageLost(ILogger logger);

    [LoggerMessage(5, LogLevel.Error, "the HSM did not answer its canary within {Limit}; the node is not ready until it passes")]
    internal static partial void HsmSilent(ILogger logger, TimeSpan limit);

    [LoggerMessage(6, LogLevel.Error, "the HSM's canary failed in an unforeseen way; the node is not ready until it passes")]
    internal static partial void ProbeFailed(ILogger logger, Exception error);

    [LoggerMessage(7, LogLevel.Critical, "the HSM does not come back by itself; the node stops so that its supervisor starts it anew")]
    internal static partial void HsmGivenUp(ILogger logger);

    [LoggerMessage(8, LogLevel.Error, "the HSM did not finish within {Limit} of the stop; the node ends without logging out of it")]
    internal static partial void HsmLeft(ILogger logger, TimeSpan limit);

    [LoggerMessage(9, LogLevel.Information, "the database takes writes again; the node is ready")]
    internal static partial void StorageBack(ILogger logger);
}
