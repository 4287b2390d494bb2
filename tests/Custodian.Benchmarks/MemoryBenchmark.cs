using System.Globalization;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.Benchmarks;

/// <summary>
/// What a node and its HSM process allocate for an Evaluate, collect, and hold, in a steady state; and what a client allocates for a recovery,
/// whose Argon2id has its memory from the system.
/// </summary>
internal static class MemoryBenchmark
{
    private const int People = 16;
    private const int AttemptsEach = 100;
    private const int WarmUps = 4;
    private const int Rounds = 10;
    private const string Secret = "correct horse battery staple";

    /// <summary>What the counters are told in, and more.</summary>
    private static readonly TimeSpan UntilTold = TimeSpan.FromMilliseconds(600);

    internal static IEnumerable<Row> Run() => [.. EvaluateAsync().GetAwaiter().GetResult(), RecoverAsync().GetAwaiter().GetResult()];

    private static async Task<IEnumerable<Row>> EvaluateAsync()
    {
        var allocated = new Statement("evaluate: allocated by the node", "kB", $"node, {People} callers");
        var apart = new Statement("evaluate: allocated by the HSM process", "kB", "HSM process, the same");
        var collections = new Statement("evaluate: gen-2 collections", "", $"node and HSM process, {Rounds * People * AttemptsEach:#,##0} evaluations", AtMost: 0);
        long collected = 0;
        var memory = new Statement("memory after them", "MB", "node and HSM process, resident");
        string folder = Directory.CreateTempSubdirectory("counters-").FullName;
        using var _ = new Ending(() => Directory.Delete(folder, recursive: true));
        await using (Realm realm = await Realm.StartAsync(1, prepare: node =>
        {
            node.SetEnvironment("DOTNET_STARTUP_HOOKS", typeof(StartupHook).Assembly.Location);
            node.SetEnvironment(StartupHook.FolderVariable, folder);
        }))
        {
            NodeProcess node = realm.Nodes[0];
            await Unlimited.RestartAsync(node);
            using Callers callers = await Callers.EnrolAsync(realm, node, People);
            HsmHostProcess host = await HsmHostProcess.OfAsync(node);
            for (int round = -WarmUps; round < Rounds; round++)
            {
                (long[] node, long[] host) before = (await CountersAsync(folder, node.Process.Id), await CountersAsync(folder, host.Id));
                await callers.EvaluateAsync(AttemptsEach, () => 0);
                (long[] node, long[] host) after = (await CountersAsync(folder, node.Process.Id), await CountersAsync(folder, host.Id));
                if (round < 0)
                {
                    continue;
                }

                const double Evaluates = People * AttemptsEach;
                allocated.Add((after.node[0] - before.node[0]) / Evaluates / 1000);
                apart.Add((after.host[0] - before.host[0]) / Evaluates / 1000);
                collected += after.node[^1] - before.node[^1] + after.host[^1] - before.host[^1];
                memory.Add(ResidentMegabytes(node.Process.Id) + ResidentMegabytes(host.Id));
            }
        }

        collections.Add(collected);
        return [allocated, apart, collections, memory];
    }

    private static async Task<Statement> RecoverAsync()
    {
        var allocated = new Statement("recover: allocated by the client", "kB", "from the secret to the key, five nodes, managed memory");
        await using Realm realm = await Realm.StartAsync(5);
        string subject = realm.NewSubject();
        await realm.EnrolAsync(subject, Secret, realm.NewKey());
        for (int round = -WarmUps; round < Rounds; round++)
        {
            await using CustodianClient device = realm.Client(subject);
            using RecoverySession session = await device.PrepareRecoveryAsync();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            using RecoverResult recovered = await session.RecoverAsync(Secret);
            long bytes = GC.GetTotalAllocatedBytes(precise: true) - before;
            await recovered.Settlement;
            if (round >= 0)
            {
                allocated.Add(bytes / 1000.0);
            }
        }

        return allocated;
    }

    /// <summary>What processes hold of the machine's memory, as the kernel counts it.</summary>
    internal static double ResidentMegabytes(int process)
    {
        string line = File.ReadLines($"/proc/{process}/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }

    private static async Task<long[]> CountersAsync(string folder, int process)
    {
        await Task.Delay(UntilTold, TimeProvider.System);
        string told = await File.ReadAllTextAsync(Path.Combine(folder, process.ToString(CultureInfo.InvariantCulture)));
        return [.. told.Split(' ').Select(n => long.Parse(n, CultureInfo.InvariantCulture))];
    }
}
