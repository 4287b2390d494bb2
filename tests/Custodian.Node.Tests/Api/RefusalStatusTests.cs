using Custodian.Core;
using Custodian.Node.Api;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;
using RpcStatus = Custodian.Protocol.Wire.Status;

namespace Custodian.Node.Tests.Api;

/// <summary>Refusals on the wire (protocol.md section 13).</summary>
public sealed class RefusalStatusTests
{
    [Theory]
    [InlineData("INVALID_REQUEST", StatusCode.InvalidArgument)]
    [InlineData("TOKEN_REJECTED", StatusCode.Unauthenticated)]
    [InlineData("SCOPE_MISSING", StatusCode.PermissionDenied)]
    [InlineData("BAD_SIGNATURE", StatusCode.PermissionDenied)]
    [InlineData("SEALED_KEY_REJECTED", StatusCode.PermissionDenied)]
    [InlineData("RECORD_NOT_FOUND", StatusCode.NotFound)]
    [InlineData("RECORD_DESTROYED", StatusCode.NotFound)]
    [InlineData("PENDING_EXISTS", StatusCode.Aborted)]
    [InlineData("RECORD_CONFLICT", StatusCode.Aborted)]
    [InlineData("STALE_GENERATION", StatusCode.FailedPrecondition)]
    [InlineData("ATTEMPT_REUSED", StatusCode.FailedPrecondition)]
    [InlineData("ATTEMPT_UNKNOWN", StatusCode.FailedPrecondition)]
    [InlineData("WRONG_STATE", StatusCode.FailedPrecondition)]
    [InlineData("DELAYED", StatusCode.FailedPrecondition)]
    [InlineData("ATTEMPTS_EXHAUSTED", StatusCode.FailedPrecondition)]
    [InlineData("OVERLOADED", StatusCode.ResourceExhausted)]
    [InlineData("HSM_UNAVAILABLE", StatusCode.Unavailable)]
    [InlineData("STORAGE_UNAVAILABLE", StatusCode.Unavailable)]
    public void Of_EveryReason_HasItsStatusAndErrorInfo(string name, StatusCode status)
    {
        Assert.True(Refusals.TryParse(name, out RefusalReason reason));

        RpcException refusal = RefusalStatus.Of(new Refusal(reason), "0123456789abcdef");

        RpcStatus details = Details(refusal);
        ErrorInfo info = details.Details[0].Unpack<ErrorInfo>();
        Assert.Equal((status, name), (refusal.StatusCode, refusal.Status.Detail));
        Assert.Equal(((int)status, name, 1), (details.Code, details.Message, details.Details.Count));
        Assert.Equal((name, "custodian", "0123456789abcdef"), (info.Reason, info.Domain, info.Metadata["request_id"]));
    }

    [Fact]
    public void Of_InvalidRequest_NamesTheFieldAndWhatItShouldBe()
    {
        RpcException refusal = RefusalStatus.Of(Refusal.Invalid("header.threshold", "more than half"), "id");

        ErrorInfo info = Details(refusal).Details[0].Unpack<ErrorInfo>();
        Assert.Equal(("header.threshold", "more than half"), (info.Metadata["field"], info.Metadata["expected"]));
        Assert.Equal("INVALID_REQUEST: header.threshold should be more than half", refusal.Status.Detail);
    }

    [Fact]
    public void Of_RefusalWithAWait_CarriesRetryInfo()
    {
        RpcException refusal = RefusalStatus.Of(new Refusal(RefusalReason.Delayed, RetryAfter: TimeSpan.FromMilliseconds(29_500)), "id");

        RetryInfo retry = Details(refusal).Details[1].Unpack<RetryInfo>();
        Assert.Equal(TimeSpan.FromSeconds(29.5), retry.RetryDelay.ToTimeSpan());
    }

    [Fact]
    public void Fault_OfTheProgram_SaysNothingButTheRequestId()
    {
        RpcException fault = RefusalStatus.Fault("0123456789abcdef");

        RpcStatus details = Details(fault);
        Assert.Equal((StatusCode.Internal, 1), (fault.StatusCode, details.Details.Count));
        Assert.Equal("0123456789abcdef", details.Details[0].Unpack<RequestInfo>().RequestId);
    }

    private static RpcStatus Details(RpcException refusal) =>
        RpcStatus.Parser.ParseFrom(refusal.Trailers.GetValueBytes("grpc-status-details-bin"));
}
