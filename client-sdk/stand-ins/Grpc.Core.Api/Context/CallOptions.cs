namespace Grpc.Core;

/// <summary>What a caller chooses for one call. The <c>With...</c> methods return a changed copy.</summary>
public struct CallOptions
{
    /// <summary>Options for a call; every one is optional.</summary>
    /// <param name="headers">Headers to send, or null for none.</param>
    /// <param name="deadline">When the call fails with DEADLINE_EXCEEDED, in UTC; null for never.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="writeOptions">How messages are written, or null for the default.</param>
    /// <param name="propagationToken">The call on whose behalf this one is made, or null.</param>
    /// <param name="credentials">Credentials for this call alone, or null.</param>
    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null,
        ContextPropagationToken? propagationToken = null,
        CallCredentials? credentials = null)
    {
        Headers = headers;
        Deadline = deadline;
        CancellationToken = cancellationToken;
        WriteOptions = writeOptions;
        PropagationToken = propagationToken;
        Credentials = credentials;
    }

    /// <summary>Headers to send, or null for none.</summary>
    public Metadata? Headers { readonly get; private set; }

    /// <summary>When the call fails with DEADLINE_EXCEEDED, in UTC; null for never.</summary>
    public DateTime? Deadline { readonly get; private set; }

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { readonly get; private set; }

    /// <summary>How messages are written, or null for the default.</summary>
    public WriteOptions? WriteOptions { readonly get; private set; }

    /// <summary>The call on whose behalf this one is made, or null.</summary>
    public ContextPropagationToken? PropagationToken { readonly get; private set; }

    /// <summary>Credentials for this call alone, or null.</summary>
    public CallCredentials? Credentials { readonly get; private set; }

    /// <summary>Whether the call waits for a channel that is failing instead of failing with it; false by default.</summary>
    public bool IsWaitForReady { readonly get; private set; }

    /// <summary>A copy with other headers.</summary>
    /// <param name="headers">The headers.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>A copy with another deadline.</summary>
    /// <param name="deadline">The deadline, in UTC.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>A copy with another cancellation token.</summary>
    /// <param name="cancellationToken">The token.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithCancellationToken(CancellationToken cancellationToken) => this with { CancellationToken = cancellationToken };

    /// <summary>A copy with other write options.</summary>
    /// <param name="writeOptions">The write options.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };

    /// <summary>A copy made on behalf of another call.</summary>
    /// <param name="propagationToken">The other call.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithPropagationToken(ContextPropagationToken propagationToken) => this with { PropagationToken = propagationToken };

    /// <summary>A copy with other credentials for the call.</summary>
    /// <param name="credentials">The credentials.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithCredentials(CallCredentials credentials) => this with { Credentials = credentials };

    /// <summary>A copy that waits, or does not wait, for a channel that is failing.</summary>
    /// <param name="waitForReady">Whether it waits; true by default.</param>
    /// <returns>The copy.</returns>
    public readonly CallOptions WithWaitForReady(bool waitForReady = true) => this with { IsWaitForReady = waitForReady };
}
