using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Custodian.Client.Tests;

/// <summary>Refusals as a node sends them (protocol.md section 13).</summary>
internal static class RefusedCall
{
    internal static RpcException Because(RefusalReason reason, TimeSpan? retryAfter = null, string? field = null, string? expected = null)
    {
        ErrorInfo info = new() { Reason = reason.WireName(), Domain = Refusals.Domain };
        if (field is not null)
        {
            info.Metadata.Add("field", field);
            info.Metadata.Add("expected", expected);
        }

        Protocol.Wire.Status status = new() { Code = reason.StatusCode(), Details = { Any.Pack(info), Any.Pack(new RequestInfo { RequestId = "r-1" }) } };
        if (retryAfter is { } wait)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(wait) }));
        }

        return new RpcException(
            new Grpc.Core.Status((StatusCode)reason.StatusCode(), reason.WireName()),
            new Metadata { { "grpc-status-details-bin", status.ToByteArray() } });
    }
}
