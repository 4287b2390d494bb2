namespace Grpc.Core;

/// <summary>The outcome of a call, as every implementation of gRPC numbers it on the wire.</summary>
public enum StatusCode
{
    /// <summary>The call succeeded.</summary>
    OK = 0,

    /// <summary>The caller, typically, gave the call up.</summary>
    Cancelled = 1,

    /// <summary>An error that fits no other code, or one of another address space.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the system.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed first. The operation may have taken effect all the same.</summary>
    DeadlineExceeded = 4,

    /// <summary>Something that was asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>Something that was to be made exists already.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota or some other resource has run out.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state that the operation needs.</summary>
    FailedPrecondition = 9,

    /// <summary>The operation was aborted, typically over a conflict with another.</summary>
    Aborted = 10,

    /// <summary>The operation went past the valid range.</summary>
    OutOfRange = 11,

    /// <summary>The service does not have this operation.</summary>
    Unimplemented = 12,

    /// <summary>An invariant of the system is broken.</summary>
    Internal = 13,

    /// <summary>The service cannot be reached for now; a retry may help.</summary>
    Unavailable = 14,

    /// <summary>Data are lost or corrupted beyond repair.</summary>
    DataLoss = 15,

    /// <summary>The request carries no valid credentials.</summary>
    Unauthenticated = 16,
}
