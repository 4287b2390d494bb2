namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// How fast places come free while callers wait for them, measured over the last ones. Knows nothing until enough came free in a row with
/// somebody waiting, and forgets as soon as nobody waits: what held for an earlier line says nothing of this one.
/// </summary>
/// <remarks>
/// The time since the last place came free counts, so that an HSM that falls silent is seen as slow at once, and places that come free in
/// one blow, as after a commit of many, do not make it look fast for long. Thread-safe.
/// </remarks>
internal sealed class LinePace(TimeProvider time)
{
    private const int Window = 64;
    private const int Enough = 16;

    private readonly Lock _gate = new();
    private readonly Queue<long> _freed = new(Window + 1);

    /// <summary>Notes that a place came free.</summary>
    /// <param name="waited">Whether somebody waits for it.</param>
    public void Freed(bool waited)
    {
        lock (_gate)
        {
            if (!waited)
            {
                _freed.Clear();
                return;
            }
            _freed.Enqueue(time.GetTimestamp());
            if (_freed.Count > Window)
            {
                _freed.Dequeue();
            }
        }
    }

    /// <summary>How long the line's next newcomer would wait; null while that is unknown.</summary>
    /// <param name="position">Where in the line, from 1.</param>
    public TimeSpan? WaitAt(int position)
    {
        lock (_gate)
        {
            return _freed.Count < Enough ? null : time.GetElapsedTime(_freed.Peek()) / (_freed.Count - 1) * position;
        }
    }
}
