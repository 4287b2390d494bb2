using Grpc.Core;

namespace Custodian.EndToEnd.Tests.StandIns;

public sealed class StatusTests
{
    private static readonly Status Refused = new(StatusCode.PermissionDenied, "no");

    [Fact]
    public void StatusCode_Values_AreThoseOfTheWire()
    {
        string[] names =
        [
            "OK", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
            "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
            "Unauthenticated",
        ];

        Assert.Equal(names, Enum.GetNames<StatusCode>());
        Assert.Equal(Enumerable.Range(0, names.Length), Enum.GetValues<StatusCode>().Select(code => (int)code));
    }

    [Fact]
    public void ToString_WithoutDebugException_NamesCodeAndDetail()
    {
        Assert.Equal("Status(StatusCode=\"PermissionDenied\", Detail=\"no\")", Refused.ToString());
        Assert.Equal("Status(StatusCode=\"OK\", Detail=\"\")", Status.DefaultSuccess.ToString());
        Assert.Equal("Status(StatusCode=\"Cancelled\", Detail=\"\")", Status.DefaultCancelled.ToString());
    }

    [Fact]
    public void ToString_WithDebugException_NamesItsTypeAndMessageToo()
    {
        var status = new Status(StatusCode.Unavailable, "gone", new System.IO.IOException("cut off"));

        Assert.Equal("Status(StatusCode=\"Unavailable\", Detail=\"gone\", DebugException=\"System.IO.IOException: cut off\")", status.ToString());
    }

    [Fact]
    public void Exception_OfAStatus_HasItForMessageAndNoTrailers()
    {
        var exception = new RpcException(Refused);

        Assert.Equal(Refused.ToString(), exception.Message);
        Assert.Equal(StatusCode.PermissionDenied, exception.StatusCode);
        Assert.Same(Metadata.Empty, exception.Trailers);
        Assert.Null(exception.InnerException);
    }

    [Fact]
    public void Exception_WithMessageAndTrailers_KeepsBoth()
    {
        var trailers = new Metadata { { "key", "value" } };

        Assert.Equal("mine", new RpcException(Refused, "mine").Message);
        Assert.Equal("mine", new RpcException(Refused, trailers, "mine").Message);
        Assert.Same(trailers, new RpcException(Refused, trailers, "mine").Trailers);
        Assert.Equal(Refused.ToString(), new RpcException(Refused, trailers).Message);
    }

    [Fact]
    public void Exception_OfAStatusWithDebugException_HasItInside()
    {
        var cause = new System.IO.IOException("cut off");

        Assert.Same(cause, new RpcException(new Status(StatusCode.Unavailable, "gone", cause)).InnerException);
    }

    [Fact]
    public void Exception_WithoutTrailers_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => new RpcException(Refused, (Metadata)null!));
    }
}
