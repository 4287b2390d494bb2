using System.Globalization;
using System.Runtime.InteropServices;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>A file system of its own, of a size a test can fill, that can also be made read-only. Needs root.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly List<string> _fillers = [];

    private SmallDisk(string folder) => Folder = folder;

    /// <summary>Where it is mounted.</summary>
    internal string Folder { get; }

    internal static bool IsPossible { get; } = GetEffectiveUser() == 0;

    /// <summary>Mounts one over an empty folder, or a new one.</summary>
    internal static async Task<SmallDisk> MountAsync(int kibibytes, string? folder = null)
    {
        folder ??= Directory.CreateTempSubdirectory("custodian-disk-").FullName;
        Directory.CreateDirectory(folder);
        string size = string.Create(CultureInfo.InvariantCulture, $"size={kibibytes}k,mode=0700");
        Expect.Success(await ChildProcess.RunAsync("mount", ["-t", "tmpfs", "-o", size, "custodian-test", folder]));
        return new SmallDisk(folder);
    }

    /// <summary>Takes all the room that is left.</summary>
    internal void Fill()
    {
        string file = Path.Combine(Folder, $"filler-{_fillers.Count}");
        _fillers.Add(file);
        using FileStream stream = new(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] block = new byte[4096];
        try
        {
            while (true)
            {
                stream.Write(block);
            }
        }
        catch (IOException)
        {
            // No room is left.
        }
    }

    /// <summary>Gives the room back.</summary>
    internal void MakeRoom()
    {
        _fillers.ForEach(File.Delete);
        _fillers.Clear();
    }

    /// <summary>Makes it read-only, or writable again. Fails while a file on it is open for writing.</summary>
    internal async Task SetReadOnlyAsync(bool isReadOnly) =>
        Expect.Success(await ChildProcess.RunAsync("mount", ["-o", isReadOnly ? "remount,ro" : "remount,rw", Folder]));

    public async ValueTask DisposeAsync()
    {
        // Lazily: a process that is just being killed may still have a file open.
        Expect.Success(await ChildProcess.RunAsync("umount", ["-l", Folder]));
    }

    [DllImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint GetEffectiveUser();
}

/// <summary>A test that mounts a <see cref="SmallDisk"/>; skipped, with the reason, where that is not allowed.</summary>
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    public SmallDiskFactAttribute()
    {
        if (!SmallDisk.IsPossible)
        {
            Skip = "needs root, to mount a small file system";
        }
    }
}
