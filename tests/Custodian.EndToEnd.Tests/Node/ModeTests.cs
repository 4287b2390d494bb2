using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A node that evaluates in memory among nodes that evaluate in the HSM: clients see no difference, its operator does.</summary>
public sealed class ModeTests
{
    [Fact]
    public async Task Node_ThatEvaluatesInMemory_EnrolsAndRecoversAmongOthersAndSaysSo()
    {
        await using Realm realm = await Realm.StartAsync(3, init: number => number == 1 ? ["--evaluate-in-memory"] : []);
        (NodeProcess memory, NodeProcess hsm) = (realm.Nodes[0], realm.Nodes[1]);
        string keyFile = realm.NewKey();
        byte[] key = await File.ReadAllBytesAsync(keyFile);
        await realm.EnrolAsync("alice", "right secret", keyFile);

        // Two of three, and the threshold is two: without the first node nothing comes out.
        await realm.Nodes[2].KillAsync();
        Assert.Equal(key, await RecoverAsync(realm));

        Expect.Says("evaluates in memory: whoever reads the memory", await StatusAsync(memory));
        Expect.Says("evaluates in the HSM, which records' keys leave only wrapped", await StatusAsync(hsm));
        Assert.Equal("memory", Parse(await StatusAsync(memory, "--json"))["evaluation"]!.ToString());
        Assert.Equal("hsm", Parse(await StatusAsync(hsm, "--json"))["evaluation"]!.ToString());

        await memory.StopAsync();
        await memory.StartAsync();
        Assert.Equal(key, await RecoverAsync(realm));
        Expect.Says("the HSM opened 1 sealed parts", Expect.Success(await memory.RunAsync("verify", "--hsm")));
    }

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Doctor_OfANodeThatEvaluatesInMemory_LooksAtThatAndTellsItsClone()
    {
        await using Realm realm = await Realm.StartAsync(1, init: _ => ["--evaluate-in-memory"]);
        NodeProcess node = realm.Nodes[0];
        string proof = realm.NewFile("proof.json");

        ProcessOutcome said = Expect.Success(await node.RunAsync("doctor"));
        Expect.Success(await node.RunAsync("doctor", "--make-proof", proof));
        JsonNode clone = Parse(Expect.Success(await node.RunAsync("doctor", "--json", "--check-proof", proof)));

        Expect.Says("weaker   a place where records' keys are evaluated", said);
        Expect.Says("not needed: this node evaluates in memory", said);
        Expect.Says("custodian/seal/1, custodian/audit/1", said);
        Assert.Equal("memory", clone["evaluation"]!.ToString());
        Assert.Equal(
            ["the same seal key", "the same", "the same audit key"], clone["parts"]!.AsArray().TakeLast(3).Select(part => part!["found"]!.ToString()));
    }

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Restore_OfANodeThatEvaluatesInMemory_EvaluatesInMemoryAgain()
    {
        await using Realm realm = await Realm.StartAsync(1, threshold: 1, init: _ => ["--evaluate-in-memory"]);
        NodeProcess node = realm.Nodes[0];
        string keyFile = realm.NewKey();
        await realm.EnrolAsync("alice", "right secret", keyFile);
        string backup = realm.NewFile("backup.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        await node.StopAsync();
        File.Delete(node.DatabaseFile);

        ProcessOutcome asked = Expect.ExitCode(2, await node.RunAsync("restore", "--from", backup));
        string words = asked.Error.Split("--accept \"")[1].Split('"')[0];
        Expect.Success(await node.RunAsync("restore", "--from", backup, "--accept", words));
        await node.StartAsync();

        Assert.Equal(await File.ReadAllBytesAsync(keyFile), await RecoverAsync(realm));
        Expect.Says("evaluates in memory", await StatusAsync(node));
    }

    private static async Task<ProcessOutcome> StatusAsync(NodeProcess node, params string[] further) =>
        Expect.Success(await node.RunAsync(["status", "--override", $"listen={new Uri(node.Address).Authority}", .. further]));

    private static async Task<byte[]> RecoverAsync(Realm realm)
    {
        await using Client.CustodianClient device = realm.Client("alice");
        using Client.RecoverResult recovered = await device.RecoverAsync("right secret");
        return recovered.PrivateKey.Span.ToArray();
    }

    private static JsonNode Parse(ProcessOutcome outcome) => JsonNode.Parse(outcome.Output)!;
}
