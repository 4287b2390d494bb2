using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Custodian.Client;

/// <summary>Reads what a failed call means: for the pipeline, whether to try again and when; for the flows, the node's outcome.</summary>
internal static class FailureReading
{
    private const string DetailsKey = "grpc-status-details-bin";
    private const string FieldKey = "field";
    private const string ExpectedKey = "expected";

    /// <summary>The longest wait that a node can ask for inside one operation.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether the same request may succeed soon: the node was not reached, did not answer in time, or says that it is busy, and not for
    /// longer than an operation has.
    /// </summary>
    internal static bool IsTransient(Exception? failure) => failure switch
    {
        RpcException rpc when RetryAfter(rpc) > LongestWait => false,
        TimeoutRejectedException => true,
        RpcException rpc when IsUnreadable(rpc) => false,
        RpcException { StatusCode: StatusCode.Unavailable or StatusCode.ResourceExhausted } rpc =>
            Find<CertificateRefusedException>(rpc) is null,
        RpcException { StatusCode: StatusCode.DeadlineExceeded } => true,
        RpcException { StatusCode: StatusCode.Cancelled } rpc => IsConnectTimeout(rpc),
        RpcException { StatusCode: StatusCode.Internal or StatusCode.Unknown } rpc => IsConnectionFailure(rpc),
        _ => false,
    };

    /// <summary>Whether the failure says that the node is down, which is what opens its circuit. One that refuses is not down.</summary>
    internal static bool IsOutage(Exception? failure) =>
        IsTransient(failure) && failure is not RpcException { StatusCode: StatusCode.ResourceExhausted };

    /// <summary>Whether one send ended without the node's word that it did not do what was asked.</summary>
    internal static bool IsLost(Exception failure) =>
        failure is not RpcException rpc
        || (Find<CertificateRefusedException>(rpc) is null && ReadRefusal(rpc)?.Reason is null or RefusalReason.StorageUnavailable);

    /// <summary>
    /// How long a node asks to wait before the same request again; null when it does not say.
    /// </summary>
    internal static TimeSpan? RetryAfter(Exception? failure) => failure is RpcException rpc ? ReadRefusal(rpc)?.RetryAfter : null;

    /// <summary>The outcome of a node whose call ended with this failure.</summary>
    internal static NodeOutcome Outcome(Exception failure) => failure switch
    {
        BrokenCircuitException { InnerException: { } cause } => Outcome(cause),
        BrokenCircuitException => new NodeOutcome(NodeCondition.Unreachable, "not asked: it failed repeatedly a moment ago"),
        TimeoutRejectedException => new NodeOutcome(NodeCondition.TimedOut, "did not answer in time"),
        RpcException { StatusCode: StatusCode.DeadlineExceeded } => new NodeOutcome(NodeCondition.TimedOut, "did not answer in time"),
        RpcException rpc when IsConnectTimeout(rpc) => new NodeOutcome(NodeCondition.TimedOut, "did not connect in time"),
        RpcException rpc when Find<CertificateRefusedException>(rpc) is { } refused =>
            new NodeOutcome(NodeCondition.Untrusted, $"not trusted: {refused.Message}"),
        RpcException rpc when IsUnreadable(rpc) => NodeOutcome.Faulty("its answer cannot be read"),
        RpcException rpc when ReadRefusal(rpc) is { } refusal => NodeOutcome.Refused(refusal),
        RpcException rpc when IsConnectionFailure(rpc) || rpc.StatusCode == StatusCode.Unavailable =>
            new NodeOutcome(NodeCondition.Unreachable, $"not reached: {Innermost(rpc)}"),
        RpcException rpc => NodeOutcome.Faulty($"it answered with status {rpc.StatusCode} and no reason"),
        _ => NodeOutcome.Faulty(failure.GetType().Name),
    };

    /// <summary>The refusal in the trailers; null when there is none, or none that parses.</summary>
    [SuppressMessage(
        "Design",
        "CA1031:Do not catch general exception types",
        Justification = "the parser throws more than its own exception on lengths that a hostile node may choose")]
    internal static NodeRefusal? ReadRefusal(RpcException failure)
    {
        try
        {
            return failure.Trailers.GetValueBytes(DetailsKey) is { } details
                ? ReadDetails(Custodian.Protocol.Wire.Status.Parser.ParseFrom(details).Details)
                : null;
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static NodeRefusal? ReadDetails(IEnumerable<Any> details)
    {
        ErrorInfo? error = null;
        TimeSpan? wait = null;
        string? request = null;
        foreach (Any detail in details)
        {
            if (detail.TryUnpack(out ErrorInfo info) && info.Domain == Refusals.Domain)
            {
                error = info;
            }
            else if (detail.TryUnpack(out RetryInfo retry))
            {
                wait = ReadWait(retry.RetryDelay);
            }
            else if (detail.TryUnpack(out RequestInfo named))
            {
                request = Printable(named.RequestId);
            }
        }

        return error is null ? null : ToRefusal(error, wait, request);
    }

    private static NodeRefusal ToRefusal(ErrorInfo error, TimeSpan? wait, string? request)
    {
        RefusalReason? reason = Refusals.TryParse(error.Reason, out RefusalReason known) ? known : null;
        string? field = error.Metadata.TryGetValue(FieldKey, out string? name) ? Printable(name) : null;
        string? expected = error.Metadata.TryGetValue(ExpectedKey, out string? form) ? Printable(form) : null;
        return new NodeRefusal(reason, field, field is null ? null : expected ?? "something else", wait, request);
    }

    /// <summary>A wait as a node may say it: not negative, at most ten years, so that no arithmetic on it overflows.</summary>
    private static TimeSpan? ReadWait(Duration? delay) =>
        delay is null
            ? null
            : TimeSpan.FromSeconds(Math.Clamp(delay.Seconds, 0, 315_360_000)) + TimeSpan.FromTicks(Math.Clamp(delay.Nanos, 0, 999_999_999) / 100);

    /// <summary>A node's text as it may be shown: no control characters, and not without end.</summary>
    private static string Printable(string text) =>
        string.Concat(text.Where(c => !char.IsControl(c)).Take(120));

    /// <summary>
    /// Whether the handler gave up connecting. It reports that as a cancellation, which no caller asked for and no node answered: a status
    /// that came over the wire has no exception behind it.
    /// </summary>
    private static bool IsConnectTimeout(RpcException failure) =>
        failure.StatusCode == StatusCode.Cancelled && Find<OperationCanceledException>(failure) is not null;

    /// <summary>
    /// Whether an answer arrived that does not parse. Its exception is an IOException, so gRPC calls the node unavailable for it; but the
    /// node is there, and the same request would most likely bring the same bytes.
    /// </summary>
    private static bool IsUnreadable(RpcException failure) => Find<InvalidProtocolBufferException>(failure) is not null;

    /// <summary>Whether the connection failed, rather than the node.</summary>
    private static bool IsConnectionFailure(RpcException failure) =>
        Find<CertificateRefusedException>(failure) is null
        && (Find<HttpRequestException>(failure) is not null
            || Find<IOException>(failure) is not null
            || Find<SocketException>(failure) is not null);

    private static string Innermost(RpcException failure)
    {
        Exception? cause = failure.Status.DebugException ?? failure.InnerException;
        while (cause?.InnerException is { } inner)
        {
            cause = inner;
        }

        return cause?.Message ?? "the connection failed";
    }

    private static T? Find<T>(RpcException failure)
        where T : Exception
    {
        for (Exception? cause = failure.Status.DebugException ?? failure.InnerException; cause is not null; cause = cause.InnerException)
        {
            if (cause is T found)
            {
                return found;
            }
        }

        return null;
    }
}
