using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>What <c>custodian doctor</c> says of tokens, and of clones of a node's token, without a key leaving any of them.</summary>
public sealed class DoctorTests
{
    private const string OfficerPin = "12345678";

    [Fact]
    public async Task Doctor_BeforeInitAndAfterBesideAServingNode_SaysThatTheModuleServes()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await MakeTokenAsync(node, "fresh");

        JsonNode before = Parse(Expect.Success(await node.RunAsync("doctor", "--json", "--override", "hsm:token=fresh")));
        JsonNode after = Parse(Expect.Success(await node.RunAsync("doctor", "--json")));
        ProcessOutcome said = Expect.Success(await node.RunAsync("doctor"));

        Assert.All([before, after], found => Assert.True((bool)found["can_serve"]!));
        Assert.Equal("'custodian init' makes them", Part(before, "the node's keys")["meaning"]!.ToString());
        Assert.Equal("they pass their canary", Part(after, "keys that are what init made, and work")["found"]!.ToString());
        Assert.True((double)after["speed"]!["one_per_second"]! > 0);
        Expect.Says("ok       derive a raw x-coordinate (ECDH with CKD_NULL)", said);
        Expect.Says("a node can serve with this token", said);
    }

    [Fact]
    public async Task Doctor_NoTokenOrAnUnfitOne_ExitsWith5AndSaysWhatFollows()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string wrong = realm.NewFile("pin");
        await File.WriteAllTextAsync(wrong, "wrong-pin");
        File.SetUnixFileMode(wrong, UnixFileMode.UserRead);

        ProcessOutcome none = Expect.ExitCode(5, await node.RunAsync("doctor", "--override", "hsm:token=elsewhere"));
        ProcessOutcome refused = Expect.ExitCode(5, await node.RunAsync("doctor", "--override", $"hsm:pin_file={wrong}"));
        JsonNode low = Parse(Expect.Success(await node.RunAsync("doctor", "--json")));

        Expect.Says("UNFIT    a module and token that open", none);
        Expect.Says("CKR_PIN_INCORRECT (0xA0)", refused);
        Assert.DoesNotContain("wrong-pin", refused.All, StringComparison.Ordinal);
        Assert.Equal(("weaker", "a wrong PIN was tried since the last login"), (
            Part(low, "a user PIN with tries left")["fitness"]!.ToString(), Part(low, "a user PIN with tries left")["found"]!.ToString()));
    }

    [Fact]
    public async Task Clone_TokenCopiedByItsOwnMeans_IsToldByTheProofAndTakesTheNodesPlace()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string key = realm.NewKey();
        await realm.EnrolAsync("alice", "right secret", key);
        string proof = realm.NewFile("proof.json");
        Expect.Says($"proof    {proof}", Expect.Success(await node.RunAsync("doctor", "--make-proof", proof)));
        string configuration = Clone(realm, node);

        await node.StopAsync();
        Directory.Delete(Path.Combine(node.Folder, "tokens"), recursive: true);
        node.SetEnvironment("SOFTHSM2_CONF", configuration);
        JsonNode found = Parse(Expect.Success(await node.RunAsync("doctor", "--json", "--check-proof", proof)));
        await node.StartAsync();

        Assert.Equal(
            ["the same seal key", "the same wrap key", "the same audit key"],
            found["parts"]!.AsArray().TakeLast(3).Select(part => part!["found"]!.ToString()));
        Assert.Equal(await File.ReadAllBytesAsync(key), await RecoverAsync(realm, "alice", "right secret"));
        Expect.Success(await node.RunAsync("verify", "--hsm"));
    }

    /// <summary>What is under the new version, a clone from before it does not open.</summary>
    [Fact]
    [Trait("Effort", "Long")]
    public async Task Clone_MadeBeforeAKeyWasRotated_IsNoCloneAndNamesTheVersionThatItLacks()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string configuration = Clone(realm, node);
        Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "wrap"));
        string proof = realm.NewFile("proof.json");
        Expect.Success(await node.RunAsync("doctor", "--make-proof", proof));

        node.SetEnvironment("SOFTHSM2_CONF", configuration);
        JsonNode found = Parse(Expect.ExitCode(5, await node.RunAsync("doctor", "--json", "--check-proof", proof)));

        Assert.Equal("lacks custodian/wrap/2", Part(found, "every version of that token's keys")["found"]!.ToString());
    }

    [Fact]
    public async Task Clone_TokenWithOtherKeysOrNone_IsNoCloneAndAnAlteredProofTellsNothing()
    {
        await using Realm realm = await Realm.StartAsync(2);
        NodeProcess node = realm.Nodes[0];
        string proof = realm.NewFile("proof.json");
        Expect.Success(await node.RunAsync("doctor", "--make-proof", proof));
        await MakeTokenAsync(node, "fresh");

        JsonNode other = Parse(Expect.ExitCode(5, await realm.Nodes[1].RunAsync("doctor", "--json", "--check-proof", proof)));
        ProcessOutcome none = Expect.ExitCode(5, await node.RunAsync("doctor", "--check-proof", proof, "--override", "hsm:token=fresh"));
        ProcessOutcome altered = Expect.ExitCode(5, await node.RunAsync("doctor", "--check-proof", Altered(proof)));
        ProcessOutcome again = Expect.ExitCode(1, await node.RunAsync("doctor", "--make-proof", proof));
        ProcessOutcome noKeys = Expect.ExitCode(1, await node.RunAsync("doctor", "--make-proof", realm.NewFile("p"), "--override", "hsm:token=fresh"));

        Assert.Equal(
            ["another seal key", "another wrap key", "another audit key"],
            other["parts"]!.AsArray().TakeLast(3).Select(part => part!["found"]!.ToString()));
        Assert.False((bool)other["can_serve"]!);
        Expect.Says("this token cannot take the place of that one", none);
        Expect.Says("it was altered", altered);
        Expect.Says("is there already; name a new file", again);
        Expect.Says("run 'custodian init' first", noKeys);
    }

    [Fact]
    public async Task CheckProof_FileThatIsNone_IsRefusedWithHowToMakeOne()
    {
        await using Realm realm = await Realm.StartAsync(1);
        foreach (string text in (string[])["{", "null", "{\"format\":1}"])
        {
            string file = realm.NewFile("proof.json");
            await File.WriteAllTextAsync(file, text);

            ProcessOutcome outcome = Expect.ExitCode(1, await realm.Nodes[0].RunAsync("doctor", "--check-proof", file));

            Expect.Says($"{file} is no proof of a token", outcome);
            Expect.Says("custodian doctor --make-proof", outcome);
        }
    }

    /// <summary>The HSM is lost, and there is no clone: its node's records are gone, and nobody's key.</summary>
    [Fact]
    public async Task Hsm_LostWithoutAClone_TheOtherNodesGiveTheKeyAndTheClientEnrolsAgainWithAll()
    {
        await using Realm realm = await Realm.StartAsync(3);
        NodeProcess node = realm.Nodes[0];
        string keyFile = realm.NewKey();
        byte[] key = await File.ReadAllBytesAsync(keyFile);
        await realm.EnrolAsync("alice", "right secret", keyFile);
        await node.StopAsync();
        Directory.Delete(Path.Combine(node.Folder, "tokens"), recursive: true);
        Directory.CreateDirectory(Path.Combine(node.Folder, "tokens"));
        ProcessOutcome without = Expect.ExitCode(1, await node.RunAsync("serve"));

        // A new HSM with new keys: the old database opens with no key there is, so the node begins with an empty one.
        Directory.Move(Path.Combine(node.Folder, "data"), Path.Combine(node.Folder, "data.lost"));
        Expect.Success(await node.RunAsync("init", "--make-token"));
        await node.StartAsync();
        await using (Client.CustodianClient device = realm.Client("alice"))
        {
            using Client.RecoverResult recovered = await device.RecoverAsync("right secret");
            Assert.Equal(key, recovered.PrivateKey.Span.ToArray());
            using Client.EnrollResult again = await device.ReplaceAsync(recovered, key, "right secret");
            Assert.True(again.IsComplete, string.Join(", ", again.Nodes));
        }

        // The new HSM's share is one of two now.
        await realm.Nodes[2].KillAsync();
        Assert.Equal(key, await RecoverAsync(realm, "alice", "right secret"));
        Expect.Says("the HSM's token 'custodian' does not work", without);
    }

    private static async Task<byte[]> RecoverAsync(Realm realm, string subject, string secret)
    {
        await using Client.CustodianClient device = realm.Client(subject);
        using Client.RecoverResult recovered = await device.RecoverAsync(secret);
        return recovered.PrivateKey.Span.ToArray();
    }

    /// <summary>SoftHSM's own means: its files, elsewhere.</summary>
    private static string Clone(Realm realm, NodeProcess node)
    {
        string folder = Directory.CreateDirectory(realm.NewFile("clone")).FullName;
        string from = Path.Combine(node.Folder, "tokens");
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string to = Path.Combine(folder, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        string configuration = realm.NewFile("softhsm2.conf");
        File.WriteAllText(configuration, $"directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n");
        return configuration;
    }

    private static async Task MakeTokenAsync(NodeProcess node, string label) => Expect.Success(await ChildProcess.RunAsync(
        "softhsm2-util",
        ["--init-token", "--free", "--label", label, "--so-pin", OfficerPin, "--pin", await File.ReadAllTextAsync(Path.Combine(node.Folder, "pin"))],
        node.Environment));

    private static string Altered(string proof)
    {
        JsonObject changed = JsonNode.Parse(File.ReadAllText(proof))!.AsObject();
        changed["token_serial"] = "another";
        string file = $"{proof}.altered";
        File.WriteAllText(file, changed.ToJsonString());
        return file;
    }

    private static JsonNode Parse(ProcessOutcome outcome) => JsonNode.Parse(outcome.Output)!;

    private static JsonNode Part(JsonNode found, string needed) => found["parts"]!.AsArray().Single(part => part!["needed"]!.ToString() == needed)!;
}
