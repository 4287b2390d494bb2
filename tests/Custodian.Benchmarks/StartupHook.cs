using System.Globalization;

/// <summary>
/// Runs in a node that is started with this assembly as its startup hook (DOTNET_STARTUP_HOOKS, with this name and no namespace), and keeps
/// telling what its garbage collector counts, in a file that has the process's number as its name.
/// </summary>
internal static class StartupHook
{
    /// <summary>Names the folder of the files.</summary>
    internal const string FolderVariable = "BENCH_COUNTERS";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { } folder)
        {
            _ = TellAsync(Path.Combine(folder, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private static async Task TellAsync(string file)
    {
        using var timer = new PeriodicTimer(Interval, TimeProvider.System);
        while (await timer.WaitForNextTickAsync())
        {
            File.WriteAllText($"{file}.new", string.Create(
                CultureInfo.InvariantCulture, $"{GC.GetTotalAllocatedBytes()} {GC.CollectionCount(0)} {GC.CollectionCount(1)} {GC.CollectionCount(2)}"));
            File.Move($"{file}.new", file, overwrite: true);
        }
    }
}
