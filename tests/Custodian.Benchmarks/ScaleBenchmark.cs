using System.Security.Cryptography;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.Benchmarks;

/// <summary>A node with a million accounts against one with a thousand: Evaluate of any of them, the start, memory and disk.</summary>
internal static class ScaleBenchmark
{
    private const int Few = 1_000;
    private const int Many = 1_000_000;
    private const int Starts = 5;
    private const int WarmUp = 100;
    private const int Rounds = 1500;

    internal static IEnumerable<Row> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IEnumerable<Row>> RunAsync()
    {
        string many = $"{Many:#,##0} accounts";
        var evaluate = new Comparison("evaluate, idle, many accounts", "µs", $"one of {many}", $"one of {Few:#,##0}", Reach: 1.2) { CallsPerRound = 50 };
        var start = new Statement("start, many accounts", "s", $"until it serves, {many}", AtMost: 3);
        var memory = new Statement("memory, many accounts", "MB", $"node and HSM process, resident, after {Rounds:#,##0} evaluations", AtMost: 300);
        var disk = new Statement("disk", "B", $"database for each account, {many}");
        var seeding = new Statement("seeding", "s", $"{many} through the store, each sealed by the HSM");
        await using Realm realm = await Realm.StartAsync(2);
        (NodeProcess small, NodeProcess large) = (realm.Nodes[0], realm.Nodes[1]);
        await Task.WhenAll(realm.Nodes.Select(n => n.StopAsync()));
        await SeededAccounts.SeedAsync(realm, small, Few);
        seeding.Add(await Clock.TimeAsync(() => SeededAccounts.SeedAsync(realm, large, Many)) / 1e6);
        disk.Add((double)new FileInfo(large.DatabaseFile).Length / Many);
        await Unlimited.StartAsync(small);
        for (int i = 0; i < Starts; i++)
        {
            start.Add(await Clock.TimeAsync(() => Unlimited.StartAsync(large)) / 1e6);
            if (i < Starts - 1)
            {
                await large.StopAsync();
            }
        }

        using RawCaller few = new(small.Address, realm.CaFile, () => null), all = new(large.Address, realm.CaFile, () => null);
        for (int round = -WarmUp; round < Rounds; round++)
        {
            double ofFew = await EvaluateAsync(realm, small, few, Few), ofMany = await EvaluateAsync(realm, large, all, Many);
            if (round >= 0)
            {
                evaluate.Add(ofMany, ofFew);
            }
        }

        HsmHostProcess host = await HsmHostProcess.OfAsync(large);
        memory.Add(MemoryBenchmark.ResidentMegabytes(large.Process.Id) + MemoryBenchmark.ResidentMegabytes(host.Id));
        return [evaluate, start, memory, disk, seeding];
    }

    /// <summary>An attempt at an account that is drawn, with a token that the node has not seen.</summary>
    private static async Task<double> EvaluateAsync(Realm realm, NodeProcess node, RawCaller caller, int accounts)
    {
        string subject = SeededAccounts.SubjectOf(RandomNumberGenerator.GetInt32(accounts));
        (AccountId account, RecordId record) = SeededAccounts.NamesOf(realm, subject);
        var request = new EvaluateRequest
        {
            RecordId = ByteString.CopyFrom(record.ToArray()),
            AttemptId = ByteString.CopyFrom(AttemptId.Draw().ToArray()),
            Blinded = new SoloRecord.Blinded(account, record, NodeId.Parse(node.NodeId)).Bytes,
            SetId = realm.SetId,
        };
        var token = new Metadata { { "authorization", $"Bearer {realm.Issuer.TokenFor(node.NodeId, subject)}" } };
        return await Clock.TimeAsync(async () => await caller.Client.EvaluateAsync(request, token));
    }
}
