using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Custodian.Client.Tests.Cli;

/// <summary>A terminal of the kernel's, with the test in the place of the person at it.</summary>
internal sealed partial class PseudoTerminal : IDisposable
{
    private const int ReadWriteWithoutControl = 0x102;

    private readonly FileStream _person;

    // Keeps the device open, so that its settings and what was typed stay between two users of it.
    private readonly FileStream _device;

    internal PseudoTerminal()
    {
        int descriptor = OpenMaster(ReadWriteWithoutControl);
        Span<byte> name = stackalloc byte[64];
        Assert.True(descriptor >= 0 && Grant(descriptor) == 0 && Unlock(descriptor) == 0 && Name(descriptor, name, (nuint)name.Length) == 0);
        Path = Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]);
        _person = new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.ReadWrite, bufferSize: 0);
        _device = new FileStream(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    internal string Path { get; }

    /// <summary>Presses keys.</summary>
    internal void Type(string text) => _person.Write(Encoding.UTF8.GetBytes(text));

    /// <summary>What the screen shows, up to <paramref name="end"/>.</summary>
    internal async Task<string> SeeAsync(string end)
    {
        StringBuilder screen = new();
        byte[] buffer = new byte[256];
        while (!screen.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            int read = await Task.Run(() => _person.Read(buffer)).WaitAsync(TimeSpan.FromSeconds(30));
            screen.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }

        return screen.ToString();
    }

    public void Dispose()
    {
        _device.Dispose();
        _person.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt")]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt")]
    private static partial int Grant(int descriptor);

    [LibraryImport("libc", EntryPoint = "unlockpt")]
    private static partial int Unlock(int descriptor);

    [LibraryImport("libc", EntryPoint = "ptsname_r")]
    private static partial int Name(int descriptor, Span<byte> name, nuint length);
}
