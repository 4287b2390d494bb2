using Custodian.Protocol;

namespace Custodian.Core;

/// <summary>How long a node makes a caller wait between attempts of one run without Confirm (protocol.md section 11).</summary>
internal sealed record AttemptPolicy
{
    /// <summary>Attempts without a delay. Default 3.</summary>
    internal int FreeAttempts { get; init; } = Limits.UndelayedAttempts;

    /// <summary>The delay before the first attempt that has one; each next doubles it. Default 30 s; zero switches delays off.</summary>
    internal TimeSpan FirstDelay { get; init; } = Limits.FirstDelay;

    /// <summary>The longest delay. Default 24 h.</summary>
    internal TimeSpan LongestDelay { get; init; } = Limits.LongestDelay;

    /// <summary>How long the next attempt at a record has to wait from <paramref name="nowMs"/> on; zero when it may be made now.</summary>
    internal TimeSpan WaitFor(StoredRecord record, long nowMs)
    {
        int used = record.Charges.Length;
        if (used == 0)
        {
            return TimeSpan.Zero;
        }

        // A charge dated in the future counts as now, so that setting the clock back shortens no delay and announces none longer than it is.
        long lastMs = Math.Min(record.Charges.Max(c => c.ChargedMs), nowMs);
        TimeSpan left = DelayBefore(used + 1) - TimeSpan.FromMilliseconds(nowMs - lastMs);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>The delay before attempt <paramref name="attempt"/> (1, 2, ...) of a run.</summary>
    internal TimeSpan DelayBefore(int attempt)
    {
        int doublings = attempt - FreeAttempts - 1;
        if (doublings < 0 || FirstDelay == TimeSpan.Zero)
        {
            return TimeSpan.Zero;
        }

        double ticks = FirstDelay.Ticks * Math.Pow(2, doublings);
        return ticks >= LongestDelay.Ticks ? LongestDelay : TimeSpan.FromTicks((long)ticks);
    }
}
