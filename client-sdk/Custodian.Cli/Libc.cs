using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Custodian.Cli;

/// <summary>The few system calls that .NET does not offer.</summary>
internal static partial class Libc
{
    /// <summary>Applies a change after output was written, and drops what was typed before: it was typed with echo.</summary>
    internal const int ApplyAfterFlush = 2;

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    internal static partial int GetTerminalAttributes(SafeHandle terminal, Span<byte> attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    internal static partial int SetTerminalAttributes(SafeHandle terminal, int when, ReadOnlySpan<byte> attributes);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    /// <summary>Makes a rename in a folder durable; nothing to do on Windows, whose file system journals it.</summary>
    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    internal static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int descriptor = Open(folder, flags: 0);
        if (descriptor < 0)
        {
            throw LastError(folder);
        }

        try
        {
            if (Fsync(descriptor) != 0)
            {
                throw LastError(folder);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>The last call's failure as an exception that names <paramref name="subject"/>.</summary>
    internal static IOException LastError(string subject) =>
        new($"{subject}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
}
