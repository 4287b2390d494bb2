using System.Runtime.InteropServices;
using System.Text;

namespace Custodian.Node.Storage;

/// <summary>Files that appear under their name whole and on the disk, or not at all.</summary>
internal static class DurableFile
{
    /// <summary>
    /// Makes a file, readable by its owner alone, under a name of its own, fills it, syncs it, and gives it its name. A crash before the
    /// last step leaves the unfinished file, which the next attempt replaces; after it, the whole one.
    /// </summary>
    /// <param name="path">The name; nothing may have it.</param>
    /// <param name="unfinishedSuffix">What the unfinished file's name ends with.</param>
    /// <param name="fill">Fills the empty file of the name it is given, and leaves it closed.</param>
    /// <exception cref="IOException">There is a file of that name, or the folder cannot be written.</exception>
    internal static void Appear(string path, string unfinishedSuffix, Action<string> fill)
    {
        string whole = Path.GetFullPath(path);
        RefuseExisting(whole);
        string unfinished = whole + unfinishedSuffix;
        MakeEmpty(unfinished);
        try
        {
            fill(unfinished);
            Sync(unfinished);
            File.Move(unfinished, whole, overwrite: false);
            SyncFolderOf(whole);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    private static void RefuseExisting(string path)
    {
        if (File.Exists(path))
        {
            throw new IOException($"{path} is there already and is not overwritten");
        }
    }

    private static void MakeEmpty(string path)
    {
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        File.Open(path, options).Dispose();
    }

    /// <summary>Copies a file to a new one that is readable by its owner alone, and syncs it.</summary>
    /// <exception cref="IOException">One cannot be read, or the other not written.</exception>
    internal static void CopyPrivately(string from, string to)
    {
        MakeEmpty(to);
        using FileStream source = File.OpenRead(from);
        using FileStream copy = File.Open(to, FileMode.Open, FileAccess.Write);
        source.CopyTo(copy);
        copy.Flush(flushToDisk: true);
    }

    /// <summary>Gives a file a second name.</summary>
    /// <exception cref="IOException">The second name is taken, or the file system has no links.</exception>
    internal static void Link(string path, string second)
    {
        if (HardLink(Encoding.UTF8.GetBytes(path + "\0"), Encoding.UTF8.GetBytes(second + "\0")) != 0)
        {
            throw new IOException($"{path} cannot be kept as {second}; is that name taken, or is there no room?");
        }
    }

    /// <summary>Waits until a file's content is on the disk.</summary>
    internal static void Sync(string path)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
    }

    /// <summary>The name itself is data of the folder; without this a crash may lose it.</summary>
    internal static void SyncFolderOf(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int folder = Open(Encoding.UTF8.GetBytes(Path.GetDirectoryName(path) + "\0"), 0);
        if (folder < 0)
        {
            throw new IOException($"the folder of {path} cannot be synced");
        }

        int result = SyncDescriptor(folder);
        _ = Close(folder);
        if (result != 0)
        {
            throw new IOException($"the folder of {path} cannot be synced");
        }
    }

    [DllImport("libc", EntryPoint = "link")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int HardLink(byte[] pathWithNul, byte[] secondWithNul);

    // The runtime opens no folders, so that there is no managed way to sync one.
    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] pathWithNul, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SyncDescriptor(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
