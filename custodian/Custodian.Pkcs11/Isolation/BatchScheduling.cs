using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Isolation;

/// <summary>
/// How the kernel wakes the threads that pass work between the node and the HSM's process (sched(7), SCHED_BATCH): at once where a processor
/// is idle, and else when who runs there sleeps or has had its share. A thread that is woken for one frame and takes the processor from
/// those who make the next ones costs more than short operations of an HSM do. A kernel that refuses costs speed, and nothing else.
/// </summary>
internal static unsafe partial class BatchScheduling
{
    private const int Other = 0;
    private const int Batch = 3;
    private const int ThisThread = 0;

    /// <summary>Chooses it for this thread and those that it starts.</summary>
    public static void Choose() => Set(Batch);

    /// <summary>Ends it for this thread.</summary>
    public static void End() => Set(Other);

    private static void Set(int policy)
    {
        var priority = 0;
        _ = SetScheduler(ThisThread, policy, &priority);
    }

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetScheduler(int thread, int policy, int* priority);
}
