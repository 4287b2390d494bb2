namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>What a faulty host does in the place of one good answer.</summary>
public enum HostFaultKind
{
    /// <summary>Half of the frame, and then the end.</summary>
    Truncated,

    /// <summary>A length past the bound.</summary>
    Oversized,

    /// <summary>A length too short for a frame.</summary>
    Undersized,

    /// <summary>Bytes of no form.</summary>
    Garbage,

    /// <summary>An answer to what nobody asked.</summary>
    UnknownId,

    /// <summary>A request, where an answer was due.</summary>
    Request,

    /// <summary>An answer with a byte more than it has fields.</summary>
    TrailingByte,

    /// <summary>An answer that holds less than was asked for.</summary>
    WrongFields,

    /// <summary>The same answer twice.</summary>
    Twice,

    /// <summary>No answer, ever.</summary>
    Silence,

    /// <summary>The process aborts, as native code does.</summary>
    Abort,

    /// <summary>The process ends as if all were well.</summary>
    Exit,

    /// <summary>It takes memory until it is stopped.</summary>
    Leak,

    /// <summary>Nothing; it keeps count of its frames in a file.</summary>
    Counted,

    /// <summary>It takes memory, less than it may, and serves on.</summary>
    Grow,
}
