using System.Collections.Immutable;

namespace Custodian.Node.Api.Health;

/// <summary>What a node needs to serve. Each part says for itself whether it holds.</summary>
internal enum ReadinessPart
{
    /// <summary>The start has come to its end.</summary>
    Start,

    /// <summary>The HSM answers its canary.</summary>
    Hsm,

    /// <summary>The database takes writes.</summary>
    Storage,

    /// <summary>The database is no copy, or what it has forgotten was accepted.</summary>
    Restoration,

    /// <summary>The node is not being stopped.</summary>
    Run,
}

/// <summary>Whether the node serves, at one instant.</summary>
/// <param name="Faults">The parts that do not hold, and why, in words for an operator. Empty means ready.</param>
/// <param name="Changed">Completes when this is no longer the case.</param>
internal sealed record ReadinessState(ImmutableSortedDictionary<ReadinessPart, string> Faults, Task Changed)
{
    /// <summary>Whether calls may be sent here.</summary>
    internal bool IsReady => Faults.IsEmpty;

    /// <summary>"ready", or the faults in one line.</summary>
    internal string Summary => IsReady ? "ready" : string.Join("; ", Faults.Values);
}

/// <summary>
/// Whether the node is ready for calls, as <c>grpc.health.v1.Health</c> and <c>/readyz</c> say it. It starts as not ready, for the start
/// has yet to end. Thread-safe.
/// </summary>
internal sealed class Readiness
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = NewSignal();
    private volatile ReadinessState _current;

    public Readiness()
    {
        var faults = ImmutableSortedDictionary<ReadinessPart, string>.Empty.Add(ReadinessPart.Start, "the node is starting");
        _current = new ReadinessState(faults, _changed.Task);
    }

    /// <summary>The state now.</summary>
    internal ReadinessState Current => _current;

    /// <summary>Notes that a part holds.</summary>
    internal void Holds(ReadinessPart part) => Change(faults => faults.Remove(part));

    /// <summary>Notes that a part does not hold, and why.</summary>
    internal void Fails(ReadinessPart part, string why) => Change(faults => faults.SetItem(part, why));

    private void Change(Func<ImmutableSortedDictionary<ReadinessPart, string>, ImmutableSortedDictionary<ReadinessPart, string>> change)
    {
        TaskCompletionSource over;
        lock (_gate)
        {
            ImmutableSortedDictionary<ReadinessPart, string> faults = change(_current.Faults);
            if (ReferenceEquals(faults, _current.Faults))
            {
                return;
            }

            over = _changed;
            _changed = NewSignal();
            _current = new ReadinessState(faults, _changed.Task);
        }

        over.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
