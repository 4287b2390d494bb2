using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using RpcStatus = Custodian.Protocol.Wire.Status;
using Status = Grpc.Core.Status;

namespace Custodian.Node.Api;

/// <summary>
/// A refusal as it goes over the wire (protocol.md section 13): the gRPC status says what a caller may do, <c>google.rpc.ErrorInfo</c> in
/// the trailer <c>grpc-status-details-bin</c> says why, <c>google.rpc.RetryInfo</c> says when.
/// </summary>
internal static class RefusalStatus
{
    /// <summary>The trailer that carries a serialised <c>google.rpc.Status</c>.</summary>
    internal const string DetailsTrailer = "grpc-status-details-bin";

    /// <summary>The exception that makes gRPC send a refusal.</summary>
    internal static RpcException Of(Refusal refusal, string requestId)
    {
        var details = new List<IMessage> { Why(refusal, requestId) };
        if (refusal.RetryAfter is { } wait)
        {
            details.Add(new RetryInfo { RetryDelay = Duration.FromTimeSpan(wait) });
        }

        return Build((StatusCode)refusal.Reason.StatusCode(), Text(refusal), details);
    }

    /// <summary>
    /// The exception for a fault of this program, for which section 13 has no reason: INTERNAL with the request id alone. It is not
    /// UNAVAILABLE, since the same call would most likely meet the same fault again.
    /// </summary>
    internal static RpcException Fault(string requestId) =>
        Build(StatusCode.Internal, "the node met an error of its own; its log tells more", [new RequestInfo { RequestId = requestId }]);

    private static RpcException Build(StatusCode code, string text, IEnumerable<IMessage> details)
    {
        var status = new RpcStatus { Code = (int)code, Message = text };
        status.Details.AddRange(details.Select(Any.Pack));
        return new RpcException(new Status(code, text), new Metadata { { DetailsTrailer, status.ToByteArray() } });
    }

    private static ErrorInfo Why(Refusal refusal, string requestId)
    {
        var info = new ErrorInfo { Reason = refusal.Reason.WireName(), Domain = Refusals.Domain, Metadata = { ["request_id"] = requestId } };
        if (refusal.Fault is { } fault)
        {
            info.Metadata["field"] = fault.Field;
            info.Metadata["expected"] = fault.Expected;
        }

        return info;
    }

    private static string Text(Refusal refusal) =>
        refusal.Fault is { } fault ? $"{refusal.Reason.WireName()}: {fault}" : refusal.Reason.WireName();
}
