namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>
/// How long to wait before the next start: not at all after a process that had lived, and then twice as long each time up to ten
/// seconds, so that an HSM that is away for a night is not asked a million times, and one that comes back serves within seconds.
/// </summary>
internal sealed class RestartPause
{
    /// <summary>A process that lived this long was well: the next failure counts as the first.</summary>
    public static readonly TimeSpan WellAfter = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>The pause before the next start.</summary>
    public TimeSpan Next { get; private set; } = TimeSpan.Zero;

    /// <summary>The pause before the start that is due now; the one after it is longer.</summary>
    public TimeSpan Take()
    {
        var pause = Next;
        Next = pause == TimeSpan.Zero ? First : TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, Longest.Ticks));
        return pause;
    }

    /// <summary>Notes how long a process lived.</summary>
    public void Lived(TimeSpan time)
    {
        if (time >= WellAfter)
        {
            Next = TimeSpan.Zero;
        }
    }
}
