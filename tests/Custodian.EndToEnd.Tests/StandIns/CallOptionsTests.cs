using Grpc.Core;

namespace Custodian.EndToEnd.Tests.StandIns;

public sealed class CallOptionsTests
{
    private static readonly DateTime Deadline = new(2030, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    [Fact]
    public void Options_Default_AskForNothing()
    {
        var options = default(CallOptions);

        Assert.Null(options.Headers);
        Assert.Null(options.Deadline);
        Assert.False(options.CancellationToken.CanBeCanceled);
        Assert.Null(options.WriteOptions);
        Assert.Null(options.PropagationToken);
        Assert.Null(options.Credentials);
        Assert.False(options.IsWaitForReady);
    }

    [Fact]
    public void Options_Constructed_KeepEveryArgument()
    {
        using var cancellation = new CancellationTokenSource();
        var headers = new Metadata();
        var writeOptions = new WriteOptions(WriteFlags.BufferHint | WriteFlags.NoCompress);
        CallCredentials credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);

        var options = new CallOptions(headers, Deadline, cancellation.Token, writeOptions, null, credentials);

        Assert.Same(headers, options.Headers);
        Assert.Equal(Deadline, options.Deadline);
        Assert.Equal(cancellation.Token, options.CancellationToken);
        Assert.Same(writeOptions, options.WriteOptions);
        Assert.Equal(3, (int)options.WriteOptions!.Flags);
        Assert.Same(credentials, options.Credentials);
    }

    [Fact]
    public void With_AnyOption_ChangesThatOneOfACopy()
    {
        using var cancellation = new CancellationTokenSource();
        var headers = new Metadata();
        var writeOptions = new WriteOptions();
        CallCredentials credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);
        var original = default(CallOptions);

        CallOptions changed = original.WithHeaders(headers).WithDeadline(Deadline).WithCancellationToken(cancellation.Token)
            .WithWriteOptions(writeOptions).WithCredentials(credentials).WithWaitForReady();

        Assert.Same(headers, changed.Headers);
        Assert.Equal(Deadline, changed.Deadline);
        Assert.Equal(cancellation.Token, changed.CancellationToken);
        Assert.Same(writeOptions, changed.WriteOptions);
        Assert.Same(credentials, changed.Credentials);
        Assert.True(changed.IsWaitForReady);
        Assert.False(changed.WithWaitForReady(false).IsWaitForReady);
        Assert.Null(original.Headers);
        Assert.Null(original.Deadline);
    }

    [Fact]
    public void PropagationOptions_Default_HandOnEverything()
    {
        Assert.True(ContextPropagationOptions.Default.IsPropagateDeadline);
        Assert.True(ContextPropagationOptions.Default.IsPropagateCancellation);
        Assert.False(new ContextPropagationOptions(propagateDeadline: false).IsPropagateDeadline);
        Assert.False(new ContextPropagationOptions(propagateCancellation: false).IsPropagateCancellation);
    }
}
