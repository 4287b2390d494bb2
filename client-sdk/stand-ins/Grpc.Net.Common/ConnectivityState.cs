namespace Grpc.Core;

/// <summary>The state of a channel, as gRPC's connectivity semantics define it.</summary>
public enum ConnectivityState
{
    /// <summary>Not connected, and nothing calls for it.</summary>
    Idle,

    /// <summary>About to connect.</summary>
    Connecting,

    /// <summary>Connected.</summary>
    Ready,

    /// <summary>Failed, and going to try again.</summary>
    TransientFailure,

    /// <summary>Shut down for good.</summary>
    Shutdown,
}
