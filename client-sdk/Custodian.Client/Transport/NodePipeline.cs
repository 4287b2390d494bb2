using System.Security.Cryptography;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Custodian.Client;

/// <summary>
/// The resilience of one node's calls: each attempt has a timeout; what is transient is tried again, with jitter, and not before the node says;
/// and a node that keeps failing is left alone for a moment. A resend brings the same bytes, so it costs no attempt (protocol.md section 14).
/// </summary>
internal static class NodePipeline
{
    private const int Steps = 1 << 16;

    private static readonly TimeSpan FailureWindow = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RestTime = TimeSpan.FromSeconds(3);

    internal static ResiliencePipeline Create(CustodianClientOptions options)
    {
        ResiliencePipelineBuilder builder = new() { TimeProvider = options.TimeProvider };
        if (options.MaxRetries > 0)
        {
            builder.AddRetry(Retry(options));
        }

        return builder.AddCircuitBreaker(Breaker(options)).AddTimeout(new TimeoutStrategyOptions { Timeout = options.AttemptTimeout }).Build();
    }

    private static RetryStrategyOptions Retry(CustodianClientOptions options) => new()
    {
        MaxRetryAttempts = options.MaxRetries,
        Delay = options.RetryDelay,
        BackoffType = DelayBackoffType.Exponential,
        UseJitter = true,
        ShouldHandle = arguments => ValueTask.FromResult(FailureReading.IsTransient(arguments.Outcome.Exception)),
        DelayGenerator = arguments => ValueTask.FromResult(Later(FailureReading.RetryAfter(arguments.Outcome.Exception), options)),
    };

    /// <summary>
    /// Never before the time that the node named, and up to half as long after it: a busy node tells the same to everybody, and must not
    /// meet them all again at one instant.
    /// </summary>
    private static TimeSpan? Later(TimeSpan? asked, CustodianClientOptions options) =>
        asked is { } wait ? wait + (((wait / 2) + options.RetryDelay) * (RandomNumberGenerator.GetInt32(Steps) / (double)Steps)) : null;

    /// <summary>Opens after as many failures in a row as one whole call makes, so that one call never meets its own circuit.</summary>
    private static CircuitBreakerStrategyOptions Breaker(CustodianClientOptions options) => new()
    {
        FailureRatio = 1,
        MinimumThroughput = Math.Max(2, options.MaxRetries + 1),
        SamplingDuration = FailureWindow,
        BreakDuration = RestTime,
        ShouldHandle = arguments => ValueTask.FromResult(FailureReading.IsOutage(arguments.Outcome.Exception)),
    };
}
