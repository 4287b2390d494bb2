using System.Runtime.InteropServices;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>The process in which a running node has its HSM, as the machine's operator sees it: found by its parent.</summary>
internal sealed class HsmHostProcess
{
    private const int SigKill = 9;
    private const int SigContinue = 18;
    private const int SigStop = 19;

    private HsmHostProcess(int id) => Id = id;

    internal int Id { get; }

    internal bool Exists => Send(Id, 0) == 0 && StateOf(Id) != 'Z';

    /// <summary>The host of a node, once there is one, and another than before.</summary>
    internal static async Task<HsmHostProcess> OfAsync(NodeProcess node, HsmHostProcess? before = null)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (true)
        {
            int[] children = [.. ChildrenOf(node.Process.Id)];
            if (children.Length == 1 && children[0] != before?.Id)
            {
                return new HsmHostProcess(children[0]);
            }

            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    /// <summary>The processes that a process has started and that are there.</summary>
    internal static IEnumerable<int> ChildrenOf(int parent) => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), out int id) ? id : 0)
        .Where(id => id > 0 && ParentOf(id) == parent);

    internal void Kill() => _ = Send(Id, SigKill);

    internal void Stop() => _ = Send(Id, SigStop);

    internal void Continue() => _ = Send(Id, SigContinue);

    /// <summary>Ends when the process is gone.</summary>
    internal async Task GoneAsync()
    {
        // It may have been starting when its module fell silent, and a start has a deadline of 30 s.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (Exists)
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    private static int ParentOf(int id) => StatOf(id) is { } stat ? int.Parse(stat[1], System.Globalization.CultureInfo.InvariantCulture) : 0;

    private static char StateOf(int id) => StatOf(id) is { } stat ? stat[0][0] : 'Z';

    /// <summary>The fields after the name, which may hold anything: state, parent, and more. null when the process is gone.</summary>
    private static string[]? StatOf(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int processId, int signal);
}
