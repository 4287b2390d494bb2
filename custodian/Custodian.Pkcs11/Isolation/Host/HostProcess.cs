using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Custodian.Pkcs11.Isolation.Host;

/// <summary>What the HSM's process does with itself before a PIN comes near it.</summary>
internal static partial class HostProcess
{
    private const int StandardInput = 0;
    private const int StandardOutput = 1;
    private const int StandardError = 2;
    private const int DuplicateCloseOnExec = 1030;
    private const int SetDumpable = 4;
    private const int SetParentDeathSignal = 1;
    private const nuint SigKill = 9;

    /// <summary>
    /// No core dump, no debugger of the same user, no /proc/PID/mem: of any process in which records' keys come to lie in the clear.
    /// </summary>
    /// <exception cref="InvalidOperationException">The kernel refused.</exception>
    public static void ForbidDumps() => Require(Control(SetDumpable, 0, 0, 0, 0));

    /// <summary>
    /// As <see cref="ForbidDumps"/>; and an end with the node's, should it be stopped and unable to see
    /// the end of its input. Signals that a terminal or supervisor sends to the whole group are the node's to act upon.
    /// </summary>
    /// <returns>What keeps the signals away; for the life of the process.</returns>
    /// <exception cref="InvalidOperationException">The kernel refused.</exception>
    public static IDisposable[] Harden()
    {
        ForbidDumps();
        Require(Control(SetParentDeathSignal, SigKill, 0, 0, 0));
        PosixSignal[] ofTheGroup = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];
        return [.. ofTheGroup.Select(signal => PosixSignalRegistration.Create(signal, static context => context.Cancel = true))];
    }

    /// <summary>
    /// Takes standard input and output for the frames alone. A module that prints, prints to standard error from then on, and what it
    /// starts inherits neither pipe.
    /// </summary>
    public static (FileStream Input, FileStream Output) TakePipes()
    {
        var pipes = (Take(StandardInput, FileAccess.Read), Take(StandardOutput, FileAccess.Write));
        using var nothing = File.OpenHandle("/dev/null");
        if (Duplicate((int)nothing.DangerousGetHandle(), StandardInput) < 0 || Duplicate(StandardError, StandardOutput) < 0)
        {
            throw new InvalidOperationException("Standard input and output cannot be replaced (dup2).");
        }
        return pipes;
    }

    /// <summary>Ends without a word: what a hung module still runs would get in the way of any other end.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void ExitAtOnce(int status);

    private static void Require(int answer)
    {
        if (answer != 0)
        {
            throw new InvalidOperationException("The kernel does not let this process protect itself (prctl).");
        }
    }

    private static FileStream Take(int descriptor, FileAccess access)
    {
        var own = ControlDescriptor(descriptor, DuplicateCloseOnExec, StandardError + 1);
        return own >= 0
            ? new FileStream(new SafeFileHandle(own, ownsHandle: true), access, bufferSize: 0)
            : throw new InvalidOperationException("Standard input or output is not open.");
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ControlDescriptor(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "dup2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Duplicate(int from, int to);
}
