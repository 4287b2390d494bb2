using Custodian.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Client;

/// <summary>How a <see cref="CustodianClient"/> works. The client copies it when it is built; a later change has no effect.</summary>
public sealed class CustodianClientOptions
{
    /// <summary>Longer ones are refused here, and not by a timer in the middle of an operation.</summary>
    private static readonly TimeSpan s_longestTime = TimeSpan.FromHours(24);

    /// <summary>
    /// Gives the access token for one node: a JWT whose one audience is that node's name (protocol.md section 12). Required. Called before
    /// a node's first call of an operation, for several nodes at once, and again when the token is about to expire. All tokens must name
    /// one user. An exception it throws counts against that node only.
    /// </summary>
    public Func<NodeId, CancellationToken, ValueTask<string>>? Token { get; set; }

    /// <summary>How long a connection to a node may take. Default 5 s; more than zero, up to 24 h.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node may take for one attempt at one call, connecting included. Default 10 s; 10 ms to 24 h.</summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often a call is sent again after a transient failure. Default 2; 0..10. A resend costs the user no attempt: it names the try it
    /// belongs to.
    /// </summary>
    public int MaxRetries { get; set; } = 2;

    /// <summary>
    /// The wait before the first resend, which doubles and is jittered, unless the node says when: then that, and up to half as long and
    /// this wait more. A node that asks for more than 5 s is not asked again within the operation. Default 200 ms; up to 1 h.
    /// </summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// How long <see cref="CustodianClient.PrepareRecoveryAsync"/> waits for slow nodes once it has seen enough. They are asked all the
    /// same when the secret comes. Calls that are given the secret at once wait for them only while they could hold a newer record, or where
    /// what was seen cannot be tried. Default 500 ms; up to 24 h.
    /// </summary>
    public TimeSpan SlowNodeGrace { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long a recovery that has a threshold of answers, none of which fit together, waits for the others before it says that the
    /// secret is wrong. Default 5 s; up to 24 h.
    /// </summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How the user's secret of a new record is stretched. Default Argon2id with 64 MiB, 3 passes, 4 lanes (protocol.md section 5).
    /// </summary>
    public StretchingCost Stretching { get; set; } = StretchingCost.Default;

    /// <summary>How many wrong secrets in a row a new record takes before every node refuses. Default 10; 1..100.</summary>
    public int MaxAttempts { get; set; } = 10;

    /// <summary>
    /// Let an enrolment succeed when threshold + 1 nodes have stored the record, though not all: it then survives one lost or lying node,
    /// and no more. Default false.
    /// </summary>
    public bool AllowPartialEnrolment { get; set; }

    /// <summary>The clock and the timers. Default the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where the client logs. Default nowhere. No secret, token, share or account name is ever logged.</summary>
    public ILoggerFactory LoggerFactory { get; set; } = NullLoggerFactory.Instance;

    /// <summary>A copy that was checked.</summary>
    /// <exception cref="ArgumentException">An option is missing or out of range.</exception>
    internal CustodianClientOptions Checked()
    {
        if (Token is null)
        {
            throw new ArgumentException($"{nameof(Token)} is required: it gives the access token for a node");
        }

        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(LoggerFactory);
        ArgumentNullException.ThrowIfNull(Stretching);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConnectTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ConnectTimeout, s_longestTime);
        ArgumentOutOfRangeException.ThrowIfLessThan(AttemptTimeout, TimeSpan.FromMilliseconds(10));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(AttemptTimeout, s_longestTime);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxRetries);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxRetries, 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(RetryDelay, TimeSpan.FromHours(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(SlowNodeGrace, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SlowNodeGrace, s_longestTime);
        ArgumentOutOfRangeException.ThrowIfLessThan(Patience, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Patience, s_longestTime);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAttempts, Limits.MinAttempts);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxAttempts, Limits.MaxAttempts);
        Stretching.ThrowIfOutOfRange();
        return (CustodianClientOptions)MemberwiseClone();
    }
}
