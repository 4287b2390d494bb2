using System.Globalization;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// The wall clock of a node, under libfaketime: it can be stepped while the process runs. What measures time passing (timers, timeouts)
/// goes on as before, as it does on a machine whose date is set.
/// </summary>
/// <remarks>Tokens must then be issued by the same clock: <see cref="TokenIssuer.Ahead"/>.</remarks>
internal sealed class FakeClock
{
    /// <summary>Debian's libfaketime, for programs with threads.</summary>
    internal const string Library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

    /// <summary>
    /// The library looks at the file again once a second, in whole seconds, so that after this every look at the clock is a new one. Looking
    /// each time would make a node ten times slower.
    /// </summary>
    private static readonly TimeSpan UntilSeen = TimeSpan.FromSeconds(2.2);

    private readonly string _file;

    private FakeClock(string file) => _file = file;

    /// <summary>Gives a node a clock of its own from its next start on; it shows the right time until it is stepped.</summary>
    internal static FakeClock For(NodeProcess node)
    {
        var clock = new FakeClock(Path.Combine(node.Folder, "clock"));
        clock.Write(TimeSpan.Zero);
        node.SetEnvironment("LD_PRELOAD", Library);
        node.SetEnvironment("FAKETIME_TIMESTAMP_FILE", clock._file);
        node.SetEnvironment("FAKETIME_CACHE_DURATION", "1");
        node.SetEnvironment("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        node.SetEnvironment("DONT_FAKE_MONOTONIC", "1");

        // Its cure for waits of glibc before 2.25 asks again without end: a node that does nothing would take half a processor.
        node.SetEnvironment("FAKETIME_FORCE_MONOTONIC_FIX", "0");
        node.SetEnvironment("FAKETIME_DISABLE_SHM", "1");
        return clock;
    }

    /// <summary>Sets how far clocks are from the right time, from where they go on; all show it when this has ended.</summary>
    internal static Task StepAsync(IEnumerable<FakeClock> clocks, TimeSpan fromRightTime)
    {
        foreach (FakeClock clock in clocks)
        {
            clock.Write(fromRightTime);
        }

        return Task.Delay(UntilSeen, TimeProvider.System);
    }

    private void Write(TimeSpan fromRightTime)
    {
        // Renamed into place: the process may read it at any moment.
        string written = $"{_file}.new";
        File.WriteAllText(written, fromRightTime.TotalSeconds.ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "s\n");
        File.Move(written, _file, overwrite: true);
    }
}

/// <summary>A test that steps a node's clock; skipped, with the reason, where libfaketime is not installed.</summary>
internal sealed class FakeClockFactAttribute : FactAttribute
{
    public FakeClockFactAttribute()
    {
        if (!File.Exists(FakeClock.Library))
        {
            Skip = "needs libfaketime";
        }
    }
}
