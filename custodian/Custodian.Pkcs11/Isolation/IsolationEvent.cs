namespace Custodian.Pkcs11.Isolation;

/// <summary>Why an HSM's process came to its end.</summary>
public enum HostEndCause
{
    /// <summary>It was asked to end: replaced by a fresh one, or the node stops.</summary>
    Retired,

    /// <summary>It ended by itself, or somebody else killed it.</summary>
    Died,

    /// <summary>An operation took longer than its deadline: killed.</summary>
    Hung,

    /// <summary>It took more memory than it may: killed.</summary>
    OutOfMemory,

    /// <summary>It wrote what is no answer: killed.</summary>
    BadFrame,

    /// <summary>The HSM failed its canary in it; only a fresh start brings a module back from that.</summary>
    CanaryFailed,
}

/// <summary>Why a process that works is replaced.</summary>
public enum RecycleCause
{
    /// <summary>It has made or unwrapped as many keys as it may.</summary>
    Count,

    /// <summary>It has come near its memory limit.</summary>
    Memory,
}

/// <summary>Something that happened to the HSM's processes. The text in it is for operators and holds no secret.</summary>
/// <param name="ProcessId">Which process; 0 when there is none.</param>
public abstract record IsolationEvent(int ProcessId);

/// <summary>A process serves: it takes the calls from here on.</summary>
/// <param name="ProcessId">Which.</param>
/// <param name="Took">From its start to its readiness.</param>
public sealed record HostStarted(int ProcessId, TimeSpan Took) : IsolationEvent(ProcessId);

/// <summary>A process that worked has given way to a fresh one, and has ended. Nothing was refused for it.</summary>
/// <param name="ProcessId">The one that gave way.</param>
/// <param name="Cause">Why.</param>
/// <param name="SuccessorId">The one that serves now.</param>
public sealed record HostRecycled(int ProcessId, RecycleCause Cause, int SuccessorId) : IsolationEvent(ProcessId);

/// <summary>A process failed and is gone; calls are refused until another is ready, unless its successor serves already.</summary>
/// <param name="ProcessId">Which.</param>
/// <param name="Cause">Why.</param>
/// <param name="Detail">More of it, in words.</param>
/// <param name="ExitStatus">What it exited with; 128 and more is a signal.</param>
/// <param name="AbandonedCalls">Operations that it had and did not answer.</param>
public sealed record HostFailed(int ProcessId, HostEndCause Cause, string Detail, int ExitStatus, int AbandonedCalls)
    : IsolationEvent(ProcessId);

/// <summary>A call failed in a process, and its canary passed afterwards: the process goes on.</summary>
/// <param name="ProcessId">Which.</param>
/// <param name="Suspicion">How the call failed.</param>
public sealed record HostCleared(int ProcessId, HsmException Suspicion) : IsolationEvent(ProcessId);

/// <summary>A process could not be started or did not become ready.</summary>
/// <param name="Failure">Why.</param>
/// <param name="NextTry">When it is tried again; null for never, since the PIN was refused.</param>
public sealed record HostNotStarted(HsmException Failure, TimeSpan? NextTry) : IsolationEvent(0);

/// <summary>A process printed something: the module's own words, as a rule.</summary>
/// <param name="ProcessId">Which.</param>
/// <param name="Line">What, cut off where it is long.</param>
public sealed record HostSaid(int ProcessId, string Line) : IsolationEvent(ProcessId);
