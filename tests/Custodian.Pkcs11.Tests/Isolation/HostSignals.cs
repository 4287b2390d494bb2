using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>What happens to a process from outside.</summary>
internal static partial class HostSignals
{
    internal const int Interrupt = 2;
    internal const int Kill = 9;
    internal const int Terminate = 15;
    internal const int Stop = 19;

    internal static void Send(int processId, int signal) => Assert.Equal(0, SendSignal(processId, signal));

    /// <summary>Whether it is there, be it only as a zombie.</summary>
    internal static bool Exists(int processId) => SendSignal(processId, 0) == 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}
