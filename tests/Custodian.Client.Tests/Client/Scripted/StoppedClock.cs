namespace Custodian.Client.Tests;

/// <summary>A clock that stands still at the present until a test moves it; a test can wait for a timer to be set.</summary>
internal sealed class StoppedClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = [];
    private readonly DateTimeOffset _start = System.GetUtcNow();
    private TimeSpan _passed;
    private TaskCompletionSource _set = NewSignal();

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _passed.Ticks;

    public override DateTimeOffset GetUtcNow() => _start + _passed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>The waits of the timers that run, as soon as so many of the wanted kind do.</summary>
    internal async Task<IReadOnlyList<TimeSpan>> TimersAsync(Func<TimeSpan, bool> wanted, int count = 1)
    {
        while (true)
        {
            Task set;
            lock (_gate)
            {
                TimeSpan[] found = [.. _timers.Select(t => t.Due - _passed).Where(wanted)];
                if (found.Length >= count)
                {
                    return found;
                }

                set = _set.Task;
            }

            await set.WaitAsync(TimeSpan.FromSeconds(60), System);
        }
    }

    /// <summary>Moves on, and fires the timers that come due.</summary>
    internal void Advance(TimeSpan by)
    {
        Timer[] due;
        lock (_gate)
        {
            _passed += by;
            due = [.. _timers.Where(t => t.Due <= _passed)];
            _timers.RemoveAll(due.Contains);
        }

        Array.ForEach(due, t => t.Fire());
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Set(Timer timer, TimeSpan dueTime)
    {
        TaskCompletionSource set;
        lock (_gate)
        {
            _timers.Remove(timer);
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                return;
            }

            timer.Due = _passed + dueTime;
            _timers.Add(timer);
            (set, _set) = (_set, NewSignal());
        }

        set.SetResult();
    }

    private sealed class Timer(StoppedClock clock, Action fire) : ITimer
    {
        internal TimeSpan Due { get; set; }

        internal void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            clock.Set(this, dueTime);
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
