namespace Grpc.Core;

/// <summary>The result of a call: a code, a detail for people, and locally perhaps the exception behind it.</summary>
public struct Status
{
    /// <summary>Success, without a detail.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary>Cancelled, without a detail.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    /// <summary>A status as it crosses the wire.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">What happened, for people to read.</param>
    public Status(StatusCode statusCode, string detail)
        : this(statusCode, detail, null)
    {
    }

    /// <summary>A status with the local exception that explains it.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">What happened, for people to read.</param>
    /// <param name="debugException">The exception behind it; it never crosses the wire.</param>
    public Status(StatusCode statusCode, string detail, Exception? debugException)
    {
        StatusCode = statusCode;
        Detail = detail;
        DebugException = debugException;
    }

    /// <summary>The code. <see cref="StatusCode.OK"/> is the one success.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>What happened, for people to read.</summary>
    public string Detail { get; }

    /// <summary>The local exception behind the status, for debugging only. It is neither sent nor received.</summary>
    public Exception? DebugException { get; }

    /// <inheritdoc/>
    public override string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", DebugException=\"{DebugException.GetType()}: {DebugException.Message}\")";
}
