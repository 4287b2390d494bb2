namespace Custodian.Node.Api.Rates;

/// <summary>
/// A token bucket for each key, kept as the one instant at which it will be full again. Thread-safe; the memory is bounded however many
/// keys come.
/// </summary>
/// <remarks>
/// A key that is forgotten starts with a full bucket. Whoever wants to be forgotten needs as many other keys as are remembered; whom that
/// lets in meets the bounds on calls at once like everybody.
/// </remarks>
/// <param name="rate">The rate of each key.</param>
/// <param name="capacity">How many keys to remember at least; never more than twice as many.</param>
/// <param name="time">The clock, of which only the monotonic part is read: a step of the wall clock opens and shuts nothing.</param>
internal sealed class Buckets(Rate rate, int capacity, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly long _interval = rate.PerSecond > 0 ? Math.Max(1, time.TimestampFrequency / rate.PerSecond) : 0;
    private Dictionary<UInt128, long> _young = [];
    private Dictionary<UInt128, long> _old = [];

    /// <summary>How many keys are remembered now.</summary>
    internal int Remembered
    {
        get
        {
            lock (_gate)
            {
                return _young.Count + _old.Count;
            }
        }
    }

    /// <summary>Takes a permit of the key.</summary>
    /// <returns>null when there was one; otherwise how long until there is.</returns>
    internal TimeSpan? Take(UInt128 key)
    {
        if (_interval == 0)
        {
            return null;
        }

        lock (_gate)
        {
            long now = time.GetTimestamp();
            long next = Math.Max(FullAt(key), now) + _interval;
            long early = next - now - (_interval * rate.Burst);
            if (early > 0)
            {
                return time.GetElapsedTime(0, early);
            }

            Note(key, next);
            return null;
        }
    }

    private long FullAt(UInt128 key) => _young.TryGetValue(key, out long at) || _old.TryGetValue(key, out at) ? at : long.MinValue;

    private void Note(UInt128 key, long fullAt)
    {
        if (_young.Count >= capacity)
        {
            (_old, _young) = (_young, []);
        }

        _young[key] = fullAt;
    }
}
