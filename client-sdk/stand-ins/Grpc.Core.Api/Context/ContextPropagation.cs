namespace Grpc.Core;

/// <summary>What a service hands on from the call it serves to a call it makes.</summary>
public class ContextPropagationOptions
{
    /// <summary>Hands on both the deadline and the cancellation.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Options that say what is handed on.</summary>
    /// <param name="propagateDeadline">Whether the deadline is; true by default.</param>
    /// <param name="propagateCancellation">Whether the cancellation is; true by default.</param>
    public ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
    {
        IsPropagateDeadline = propagateDeadline;
        IsPropagateCancellation = propagateCancellation;
    }

    /// <summary>Whether the deadline is handed on.</summary>
    public bool IsPropagateDeadline { get; }

    /// <summary>Whether the cancellation is handed on.</summary>
    public bool IsPropagateCancellation { get; }
}

/// <summary>A call being served, as a call made on its behalf refers to it. Only an implementation of gRPC makes one.</summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}
