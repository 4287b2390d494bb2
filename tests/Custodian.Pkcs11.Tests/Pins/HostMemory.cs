using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Custodian.Pkcs11.Tests.Pins;

/// <summary>The memory of another process, as somebody sees it who may trace it.</summary>
internal static class HostMemory
{
    private const int PageSize = 4096;

    /// <summary>Where a process has these bytes in memory that it can write, and what the kernel says of that memory.</summary>
    internal static IReadOnlyList<string> Holding(int processId, byte[] wanted) => Holding(processId, [wanted])[0];

    /// <summary>The same for several at once.</summary>
    internal static IReadOnlyList<IReadOnlyList<string>> Holding(int processId, byte[][] wanted)
    {
        if (processId == Environment.ProcessId)
        {
            // It may have shut its memory to its own user, for an HSM that evaluates there.
            OwnProcess.MayBeDumped = true;
        }
        List<string>[] found = [.. wanted.Select(_ => new List<string>())];
        var read = 0L;
        using var memory = File.OpenHandle($"/proc/{processId}/mem");
        foreach (var (from, to, flags) in Regions(processId))
        {
            var bytes = Read(memory, from, to, ref read);
            for (var i = 0; i < wanted.Length; i++)
            {
                for (var at = Index(bytes, wanted[i], 0); at >= 0; at = Index(bytes, wanted[i], at + 1))
                {
                    found[i].Add(flags);
                }
            }
        }
        Assert.True(read > 0, $"nothing of the memory of process {processId} could be read");
        return found;
    }

    /// <summary>Writable regions with the kernel's flags of each: "dd" is one that no core dump has, "lo" one that is locked.</summary>
    private static IEnumerable<(long From, long To, string Flags)> Regions(int processId)
    {
        var (from, to, writable) = (0L, 0L, false);
        foreach (var line in File.ReadLines($"/proc/{processId}/smaps"))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "VmFlags:")
            {
                if (writable)
                {
                    yield return (from, to, line);
                }
            }
            else if (!words[0].EndsWith(':'))
            {
                var bounds = words[0].Split('-').Select(b => long.Parse(b, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
                (from, to, writable) = (bounds[0], bounds[1], words[1].StartsWith("rw", StringComparison.Ordinal));
            }
        }
    }

    private static int Index(byte[] bytes, byte[] wanted, int from)
    {
        var at = bytes.AsSpan(from).IndexOf(wanted);
        return at < 0 ? -1 : from + at;
    }

    // Whole regions would be terabytes that are only reserved; what is not there reads as an error, page by page.
    private static byte[] Read(SafeFileHandle memory, long from, long to, ref long read)
    {
        var bytes = new byte[Math.Min(to - from, 512L << 20)];
        for (var at = 0; at < bytes.Length;)
        {
            var piece = ReadPiece(memory, bytes.AsSpan(at, Math.Min(1 << 20, bytes.Length - at)), from + at);
            read += piece;

            // The kernel does not hand out every page that it lists.
            at += piece > 0 ? piece : PageSize;
        }
        return bytes;
    }

    /// <returns>How much was read, from the beginning on; 0 where the first page is none that can be.</returns>
    private static int ReadPiece(SafeFileHandle memory, Span<byte> piece, long at)
    {
        try
        {
            return RandomAccess.Read(memory, piece, at);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
