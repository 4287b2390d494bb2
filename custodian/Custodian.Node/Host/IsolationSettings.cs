using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Node.Host;

/// <summary>Where <c>serve</c> runs the PKCS#11 module, as <c>hsm:*</c> says it. Commands that end by themselves run it in their own process.</summary>
/// <param name="InProcess">In the node's own process: for tests and comparison. Default false: in one of its own.</param>
/// <param name="DeadlineMs">How long one operation may take, milliseconds, before its process is killed. Default 5000.</param>
/// <param name="MemoryMb">Mebibytes of memory past which the process is killed; it is replaced before. Default 1024.</param>
/// <param name="RecycleAfter">Keys made or unwrapped after which the process is replaced; 0 never. Default 100000.</param>
internal sealed record IsolationSettings(bool InProcess, int DeadlineMs, int MemoryMb, int RecycleAfter)
{
    private const int LongestDeadlineMs = 600_000;

    /// <summary>The longest deadline that can be set.</summary>
    internal static TimeSpan MostDeadline { get; } = TimeSpan.FromMilliseconds(LongestDeadlineMs);

    internal static IsolationSettings Default { get; } = new(false, 5000, 1024, 100_000);

    internal static IsolationSettings Read(SettingsReader settings) => new(
        settings.Choice("hsm:isolation", "process", "in_process") == "in_process",
        settings.Number("hsm:deadline_ms", Default.DeadlineMs, 100, LongestDeadlineMs),
        settings.Number("hsm:memory_mb", Default.MemoryMb, 128, 1_000_000),
        settings.Number("hsm:recycle_after", Default.RecycleAfter, 0, int.MaxValue));

    /// <summary>The options of a process of this very program.</summary>
    internal IsolationOptions Options(Action<IsolationEvent> observer) => new()
    {
        Program = ThisProgram(),
        Deadline = TimeSpan.FromMilliseconds(DeadlineMs),
        MemoryLimit = (long)MemoryMb << 20,
        RecycleAfter = RecycleAfter,
        Observer = observer,
    };

    /// <summary>However it was started: by its own name, or as <c>dotnet custodian.dll</c>.</summary>
    private static HostProgram ThisProgram()
    {
        string program = Environment.ProcessPath ?? throw new NodeStartException("the path of this program is unknown; mount /proc");
        return Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? new HostProgram(program, [typeof(IsolationSettings).Assembly.Location, HsmHost.Command])
            : new HostProgram(program, [HsmHost.Command]);
    }
}
