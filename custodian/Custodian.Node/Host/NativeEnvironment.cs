using System.Runtime.InteropServices;

namespace Custodian.Node.Host;

/// <summary>The process's own environment. .NET works on a copy of it, which neither child processes of native code nor /proc show.</summary>
internal static class NativeEnvironment
{
    /// <summary>
    /// Overwrites a variable's value where it lies and takes the variable out. The environment that a process was started with lies in
    /// the memory that /proc/PID/environ shows, so that it shows zeros from then on.
    /// </summary>
    /// <param name="name">The name, ending in a zero byte.</param>
    internal static void Erase(byte[] name)
    {
        nint value = Find(name);
        if (value == 0)
        {
            return;
        }

        for (int i = 0; Marshal.ReadByte(value, i) != 0; i++)
        {
            Marshal.WriteByte(value, i, 0);
        }

        _ = Remove(name);
    }

    [DllImport("libc", EntryPoint = "getenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Find(byte[] name);

    [DllImport("libc", EntryPoint = "unsetenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Remove(byte[] name);
}
