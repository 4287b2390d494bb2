using System.Globalization;
using Custodian.EndToEnd.Tests.Harness;
using Microsoft.Win32.SafeHandles;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>What a process has in its memory, and in files that it holds open, deleted ones included.</summary>
internal static class Image
{
    private const int Chunk = 1 << 22;

    /// <summary>
    /// Searches all memory of a process that it can write or has written, stopped so that nothing moves. What it has mapped from files and
    /// cannot write, its code above all, cannot hold a mark.
    /// </summary>
    internal static void SearchMemory(this MarkSearch search, ChildProcess process)
    {
        process.Pause();
        try
        {
            SearchMemory(search, process.Id);
        }
        finally
        {
            process.Continue();
        }
    }

    /// <summary>The same of a node's HSM process. It must have a deadline that bears the stop.</summary>
    internal static void SearchMemory(this MarkSearch search, HsmHostProcess host)
    {
        host.Stop();
        try
        {
            SearchMemory(search, host.Id);
        }
        finally
        {
            host.Continue();
        }
    }

    /// <summary>Searches the regular files that a process holds open; the runtime's own files without a name are its memory.</summary>
    internal static void SearchOpenFiles(this MarkSearch search, ChildProcess process)
    {
        string[] elsewhere = ["/dev/", "/memfd:"];
        foreach (string link in Directory.GetFiles($"/proc/{process.Id}/fd"))
        {
            if (new FileInfo(link).LinkTarget is ['/', ..] target && !elsewhere.Any(e => target.StartsWith(e, StringComparison.Ordinal)))
            {
                SearchFile(search, link);
            }
        }
    }

    /// <summary>Searches every file under a folder.</summary>
    /// <param name="search">What for.</param>
    /// <param name="folder">Where.</param>
    /// <param name="except">Files that may hold a mark.</param>
    internal static void SearchFolder(this MarkSearch search, string folder, Predicate<string>? except = null)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => except?.Invoke(f) != true))
        {
            SearchFile(search, file);
        }
    }

    /// <summary>Searches one file, of any size.</summary>
    internal static void SearchFile(this MarkSearch search, string path)
    {
        using SafeFileHandle file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        Search(search, file, 0, RandomAccess.GetLength(file), path);
    }

    private static void SearchMemory(MarkSearch search, int process)
    {
        using SafeFileHandle memory = File.OpenHandle($"/proc/{process}/mem");
        foreach (string line in File.ReadLines($"/proc/{process}/maps"))
        {
            SearchRegion(search, memory, line);
        }
    }

    private static void SearchRegion(MarkSearch search, SafeFileHandle memory, string line)
    {
        string[] fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        string name = fields.Length == 6 ? fields[5] : "";
        bool isFile = fields[4] != "0" && fields[1][1] != 'w';
        if (fields[1][0] != 'r' || isFile || name is "[vvar]" or "[vvar_vclock]" or "[vsyscall]")
        {
            return;
        }

        long[] bounds = [.. fields[0].Split('-').Select(b => long.Parse(b, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        Search(search, memory, bounds[0], bounds[1], $"{fields[1]} {name}");
    }

    private static void Search(MarkSearch search, SafeFileHandle source, long from, long to, string name)
    {
        byte[] buffer = new byte[Chunk];
        for (long at = from; at < to; at += Chunk - MarkSearch.Piece)
        {
            int length = Read(source, buffer.AsSpan(0, (int)Math.Min(Chunk, to - at)), at);
            search.Look(buffer.AsSpan(0, length), offset => $"{name} at {at + offset:x}");
        }
    }

    private static int Read(SafeFileHandle source, Span<byte> buffer, long at)
    {
        int length = 0;
        try
        {
            while (length < buffer.Length && RandomAccess.Read(source, buffer[length..], at + length) is > 0 and var read)
            {
                length += read;
            }
        }
        catch (IOException)
        {
            // The kernel does not hand out every page that it lists, such as those of a device.
        }

        return length;
    }
}
