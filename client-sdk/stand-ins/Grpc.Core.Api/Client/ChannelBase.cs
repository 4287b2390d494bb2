namespace Grpc.Core;

/// <summary>A way to a server, whatever the implementation.</summary>
public abstract class ChannelBase
{
    /// <summary>A channel to a target.</summary>
    /// <param name="target">The target.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>The target that the channel was made for.</summary>
    public string Target { get; }

    /// <summary>An invoker of calls over the channel.</summary>
    /// <returns>The invoker.</returns>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Shuts the channel down.</summary>
    /// <returns>A task that completes when it is down.</returns>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <summary>What shutting down means to the implementation; nothing by default.</summary>
    /// <returns>A task that completes when it is down.</returns>
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
