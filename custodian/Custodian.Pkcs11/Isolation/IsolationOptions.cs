namespace Custodian.Pkcs11.Isolation;

/// <summary>How an <see cref="IsolatedHsm"/> keeps its process. Immutable.</summary>
public sealed class IsolationOptions
{
    /// <summary>The program whose <c>Main</c> calls <see cref="Host.HsmHost.Run"/>.</summary>
    public required HostProgram Program { get; init; }

    /// <summary>
    /// How long one operation may take once it has a session; one that takes longer costs the process its life, give or take a tenth.
    /// Default 5 s; above zero.
    /// </summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a process may take to start, log in and prove what the module can do. Default 30 s; above zero.</summary>
    public TimeSpan StartDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Bytes of memory (resident) past which the process is killed; past three quarters of it it is replaced by a fresh one without
    /// anyone noticing. Default 1 GiB; at least 128 MiB.
    /// </summary>
    public long MemoryLimit { get; init; } = 1L << 30;

    /// <summary>
    /// Keys made or unwrapped, after which the process is replaced: modules leak, SoftHSM half a kilobyte each. Default 100,000; 0 never.
    /// </summary>
    public long RecycleAfter { get; init; } = 100_000;

    /// <summary>Told of starts, ends and what the process prints, from any thread. Default nobody.</summary>
    public Action<IsolationEvent> Observer { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">A value is outside its range; the message names it.</exception>
    internal void Validate()
    {
        Require(Deadline > TimeSpan.Zero, nameof(Deadline), "must be above zero");
        Require(StartDeadline > TimeSpan.Zero, nameof(StartDeadline), "must be above zero");
        Require(MemoryLimit >= 128L << 20, nameof(MemoryLimit), "must be at least 128 MiB");
        Require(RecycleAfter >= 0, nameof(RecycleAfter), "must be at least 0");
    }

    private static void Require(bool condition, string name, string rule)
    {
        if (!condition)
        {
            throw new ArgumentException($"{name} {rule}.", name);
        }
    }
}
