namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// A file system that meets an error of its own, and turns read-only under whoever writes to it, as ext4 does on a failing disk. Needs root
/// and a loop device.
/// </summary>
internal sealed class FailingDisk : IAsyncDisposable
{
    private const long Size = 16 * 1024 * 1024;

    private readonly string _image;

    private FailingDisk(string folder) => (Folder, _image) = (folder, folder + ".image");

    /// <summary>Where it is mounted.</summary>
    internal string Folder { get; }

    internal static bool IsPossible { get; } = SmallDisk.IsPossible && File.Exists("/dev/loop-control") && File.Exists("/usr/sbin/mkfs.ext4");

    /// <summary>Makes one, and mounts it over a new folder.</summary>
    internal static async Task<FailingDisk> MountAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        var disk = new FailingDisk(folder);
        using (FileStream image = File.Create(disk._image))
        {
            image.SetLength(Size);
        }

        Expect.Success(await ChildProcess.RunAsync("/usr/sbin/mkfs.ext4", ["-q", disk._image]));
        await disk.MountAsync();
        return disk;
    }

    /// <summary>Has the file system meet an error; nothing on it can be written from then on.</summary>
    internal async Task FailAsync()
    {
        string device = Expect.Success(await ChildProcess.RunAsync("findmnt", ["-n", "-o", "SOURCE", Folder])).Output.Trim();
        await File.WriteAllTextAsync($"/sys/fs/ext4/{Path.GetFileName(device)}/trigger_fs_error", "1");
    }

    /// <summary>Takes it off and mounts it anew, as an operator does who has looked into it. Nothing may have a file on it open.</summary>
    internal async Task RepairAsync()
    {
        Expect.Success(await ChildProcess.RunAsync("umount", [Folder]));
        await MountAsync();
    }

    public async ValueTask DisposeAsync() => Expect.Success(await ChildProcess.RunAsync("umount", ["-l", Folder]));

    private async Task MountAsync() =>
        Expect.Success(await ChildProcess.RunAsync("mount", ["-o", "loop,errors=remount-ro", _image, Folder]));
}

/// <summary>A test that mounts a <see cref="FailingDisk"/>; skipped, with the reason, where that is not possible.</summary>
internal sealed class FailingDiskFactAttribute : FactAttribute
{
    public FailingDiskFactAttribute()
    {
        if (!FailingDisk.IsPossible)
        {
            Skip = "needs root, a loop device and mkfs.ext4";
        }
    }
}
