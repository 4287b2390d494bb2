using Custodian.Node.Api.Health;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Isolation;

namespace Custodian.Node.Host;

/// <summary>Tells the log and the meter, and at a failure the readiness, what happens to the HSM's processes. Ready again it is when the canary passes.</summary>
internal sealed class HsmWatch(Readiness readiness, HsmMetrics metrics, ILogger logger)
{
    internal void See(IsolationEvent happened)
    {
        switch (happened)
        {
            case HostStarted started:
                metrics.Started();
                HsmLog.Started(logger, started.ProcessId, (long)started.Took.TotalMilliseconds);
                break;
            case HostRecycled recycled:
                metrics.Recycled(recycled.Cause);
                HsmLog.Recycled(logger, recycled.ProcessId, recycled.Cause, recycled.SuccessorId);
                break;
            case HostFailed failed:
                metrics.Failed(failed.Cause);
                readiness.Fails(ReadinessPart.Hsm, "the HSM process failed, and another is being started");
                HsmLog.Failed(logger, failed.ProcessId, failed.Cause, failed.Detail, failed.ExitStatus, failed.AbandonedCalls);
                break;
            case HostCleared cleared:
                HsmLog.Cleared(logger, cleared.ProcessId, cleared.Suspicion.Message);
                break;
            case HostNotStarted { NextTry: null } refused:
                metrics.FailedToStart();
                HsmLog.Refused(logger, refused.Failure.Message);
                break;
            case HostNotStarted notStarted:
                metrics.FailedToStart();
                HsmLog.NotStarted(logger, notStarted.Failure.Message, (long)notStarted.NextTry.Value.TotalMilliseconds);
                break;
            case HostSaid said:
                HsmLog.Said(logger, said.ProcessId, said.Line);
                break;
        }
    }
}

/// <summary>What a node logs of the HSM's processes.</summary>
internal static partial class HsmLog
{
    [LoggerMessage(20, LogLevel.Information, "the HSM process {ProcessId} is ready after {Milliseconds} ms")]
    internal static partial void Started(ILogger logger, int processId, long milliseconds);

    [LoggerMessage(21, LogLevel.Information, "the HSM process {ProcessId} was replaced by {SuccessorId}, as planned ({Cause})")]
    internal static partial void Recycled(ILogger logger, int processId, RecycleCause cause, int successorId);

    [LoggerMessage(22, LogLevel.Error, "the HSM process {ProcessId} failed ({Cause}: {Detail}; exit status {ExitStatus}) with {Calls} calls unanswered; another is being started")]
    internal static partial void Failed(ILogger logger, int processId, HostEndCause cause, string detail, int exitStatus, int calls);

    [LoggerMessage(23, LogLevel.Error, "the HSM process did not become ready: {Reason} It is tried again after {Milliseconds} ms")]
    internal static partial void NotStarted(ILogger logger, string reason, long milliseconds);

    [LoggerMessage(24, LogLevel.Critical, "the HSM refused the PIN: {Reason} It is not tried again, since an HSM locks after a few wrong ones; check the PIN and restart the node")]
    internal static partial void Refused(ILogger logger, string reason);

    [LoggerMessage(25, LogLevel.Warning, "the HSM process {ProcessId} says: {Line}")]
    internal static partial void Said(ILogger logger, int processId, string line);

    [LoggerMessage(26, LogLevel.Information, "the HSM process {ProcessId} passed its canary after a call had failed, and goes on: {Failure}")]
    internal static partial void Cleared(ILogger logger, int processId, string failure);
}
