using System.Diagnostics.CodeAnalysis;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>The calls that one process has, by their ids. Thread-safe.</summary>
/// <param name="sessions">How many it works on at once: always the oldest, since it takes them in their order.</param>
/// <param name="time">The clock.</param>
internal sealed class CallTable(int sessions, TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<ulong, PendingCall> calls = [];
    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool closed;
    private ulong next;

    /// <summary>Completes when no call is left and none can come.</summary>
    public Task Drained => drained.Task;

    /// <summary>Takes a call; false when the table is closed.</summary>
    public bool TryAdd(PendingCall call, out ulong id)
    {
        lock (gate)
        {
            id = next;
            if (closed)
            {
                return false;
            }
            next++;
            calls.Add(id, call);
            return true;
        }
    }

    public bool TryFind(ulong id, [NotNullWhen(true)] out PendingCall? call)
    {
        lock (gate)
        {
            return calls.TryGetValue(id, out call);
        }
    }

    public void Remove(ulong id)
    {
        lock (gate)
        {
            calls.Remove(id);
            TellIfDrained();
        }
    }

    /// <summary>Takes no further calls.</summary>
    public void Close()
    {
        lock (gate)
        {
            closed = true;
            TellIfDrained();
        }
    }

    /// <summary>
    /// Whether a call has had its turn for longer than that, as far as this was asked before. Calls that wait behind others do not count:
    /// a slow HSM under load is no HSM that hangs.
    /// </summary>
    public bool AnyHangs(TimeSpan limit)
    {
        lock (gate)
        {
            var hangs = false;
            foreach (var (_, call) in calls.OrderBy(entry => entry.Key).Take(sessions))
            {
                call.BegunAt ??= time.GetTimestamp();
                hangs |= time.GetElapsedTime(call.BegunAt.Value) > limit;
            }
            return hangs;
        }
    }

    /// <summary>Closes the table and fails every call that is left.</summary>
    /// <returns>How many there were.</returns>
    public int Abandon(Func<HsmException> reason)
    {
        PendingCall[] left;
        lock (gate)
        {
            closed = true;
            left = [.. calls.Values];
            calls.Clear();
            TellIfDrained();
        }
        foreach (var call in left)
        {
            call.Fail(reason());
        }
        return left.Length;
    }

    private void TellIfDrained()
    {
        if (closed && calls.Count == 0)
        {
            drained.TrySetResult();
        }
    }
}
