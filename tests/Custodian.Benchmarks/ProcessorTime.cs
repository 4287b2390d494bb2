using System.Globalization;
using System.Runtime.InteropServices;

namespace Custodian.Benchmarks;

/// <summary>Processor time, user and system, as the kernel counts it; in microseconds.</summary>
internal static partial class ProcessorTime
{
    private const double TickMicroseconds = 10_000;
    private const int OfChildren = -1;

    /// <summary>Of other processes, all their threads, to 10 ms each.</summary>
    internal static double Of(params ReadOnlySpan<int> processes)
    {
        double sum = 0;
        foreach (int process in processes)
        {
            // Fields 14 and 15 (proc(5)); the name, which may hold anything, ends with the last bracket.
            string stat = File.ReadAllText($"/proc/{process}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            sum += (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) * TickMicroseconds;
        }

        return sum;
    }

    /// <summary>Of this process.</summary>
    internal static double OfThisProcess() => Environment.CpuUsage.TotalTime.TotalMicroseconds;

    /// <summary>Of the processes that this one started and that have ended.</summary>
    internal static double OfEndedChildren()
    {
        Usage usage = default;
        return GetUsage(OfChildren, ref usage) == 0
            ? ((usage.UserSeconds + usage.SystemSeconds) * 1e6) + usage.UserMicroseconds + usage.SystemMicroseconds
            : throw new InvalidOperationException("getrusage failed");
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetUsage(int who, ref Usage usage);

    /// <summary>getrusage(2)'s: two times and fourteen counters.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 144)]
    private struct Usage
    {
        public long UserSeconds;
        public long UserMicroseconds;
        public long SystemSeconds;
        public long SystemMicroseconds;
    }
}
