using System.Diagnostics.CodeAnalysis;

namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// Work in the order it came. Threads wait for it asleep: one that spins before it sleeps takes the processor from those who bring work.
/// Thread-safe.
/// </summary>
internal sealed class WorkQueue
{
    private readonly Queue<IHsmWork> waiting = [];
    private int asleep;
    private bool closed;

    /// <summary>Adds work at the end; false when the queue is closed.</summary>
    public bool TryAdd(IHsmWork work)
    {
        lock (waiting)
        {
            if (closed)
            {
                return false;
            }
            waiting.Enqueue(work);
            if (asleep > 0)
            {
                Monitor.Pulse(waiting);
            }
            return true;
        }
    }

    /// <summary>Waits for the oldest work; false when none is left and none can come.</summary>
    public bool TryTake([NotNullWhen(true)] out IHsmWork? work)
    {
        lock (waiting)
        {
            while (!waiting.TryDequeue(out work) && !closed)
            {
                asleep++;
                Monitor.Wait(waiting);
                asleep--;
            }
            return work is not null;
        }
    }

    /// <summary>Takes no further work; what is there can still be taken.</summary>
    public void Close()
    {
        lock (waiting)
        {
            closed = true;
            Monitor.PulseAll(waiting);
        }
    }
}
