using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>The keys in real nodes' tokens: new versions made, taken up and retired beside people who use the nodes.</summary>
public sealed class KeyLifeTests(ITestOutputHelper output)
{
    private static readonly string[] Purposes = ["seal", "wrap", "audit"];

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Rotate_EveryKeyOfEveryNodeUnderTraffic_LosesRefusesAndChargesNothingForIt()
    {
        await using Realm realm = await Realm.StartAsync(3, prepare: node => Pace(node, 200));

        // A command that reads the database holds up the erasure of what a user destroys meanwhile.
        realm.Expected.Add("destroyed key material stays in the write-ahead log for now");
        var traffic = new Traffic(realm, new TrafficOptions { Subjects = 12, Workers = 2 });
        using var stop = new CancellationTokenSource();
        Task run = traffic.RunAsync(stop: stop.Token);
        await traffic.ReachedAsync(15);

        foreach (string purpose in Purposes)
        {
            foreach (NodeProcess node in realm.Nodes)
            {
                Assert.Equal($"custodian/{purpose}/2", (string?)Json(await node.RunAsync("keys", "rotate", "--purpose", purpose, "--json"))["label"]);
                await traffic.ReachedAsync(traffic.Report.Results.Count + 3);
            }
        }

        foreach (NodeProcess node in realm.Nodes)
        {
            Expect.Success(await node.RunAsync("keys", "reseal"));
        }

        await Task.WhenAll(realm.Nodes.Select(ResealedAsync));
        await traffic.ReachedAsync(traffic.Report.Results.Count + 20);
        await stop.CancelAsync();
        await run;
        TrafficReport kept = await traffic.VerifyAsync();

        string text = $"{traffic.Report}\n{kept}";
        output.WriteLine(text);
        Assert.True(traffic.Report is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 }, text);
        Assert.True(kept is { Lost: 0, Wrong: 0, Broken: 0, Refused: 0 }, text);
        foreach (NodeProcess node in realm.Nodes)
        {
            Assert.False(node.Process.HasExited);
            await AssertRotatedAsync(node);

            // A charge whose evaluation failed would have been taken back, or would be one that nobody was answered.
            Assert.DoesNotContain("Refunded", Expect.Success(await node.RunAsync("audit", "--json")).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Reseal_NodeAndHsmHostKilledInTheMidst_GoesOnAndLosesNothing()
    {
        int count = Effort.Times(24, 40);
        await using Realm realm = await Realm.StartAsync(1, prepare: node => Pace(node, 4));
        realm.Expected.Add("the HSM process ");
        realm.Expected.Add("the HSM failed its canary");
        realm.Expected.Add("bringing records under a new seal key pauses");
        NodeProcess node = realm.Nodes[0];
        var records = new List<(SoloRecord Record, RawCaller Caller)>();
        for (int i = 0; i < count; i++)
        {
            records.Add(await EnrolAsync(realm, node));
        }

        Json(await node.RunAsync("keys", "rotate", "--purpose", "seal", "--json"));
        Assert.Equal(count, (long)Json(await node.RunAsync("keys", "reseal", "--json"))["records_to_reseal"]!);
        long first = await LeftAsync(node, left => left < count);
        (await HsmHostProcess.OfAsync(node)).Kill();
        long afterHost = await LeftAsync(node, left => left < first);
        for (int kills = 0; kills < 2; kills++)
        {
            await node.KillAsync();
            Assert.NotEqual(0, await LeftAsync(node, _ => true));
            await node.StartAsync();
            afterHost = await LeftAsync(node, left => left < afterHost);
        }

        await ResealedAsync(node);

        foreach ((SoloRecord record, RawCaller caller) in records)
        {
            using RawCaller again = realm.CallerFor(node, caller.Subject!);
            SoloRecord there = record.Through(again);
            SoloRecord.Attempt attempt = there.NewAttempt();
            Assert.Equal(record.Mask, attempt.Blinded.MaskOf((await there.EvaluateAsync(attempt)).Evaluated));
            Assert.Equal(1U, (await there.StatusAsync()).AttemptsUsed);
            caller.Dispose();
            record.Dispose();
        }

        JsonNode verified = Json(await node.RunAsync("verify", "--hsm", "--json"));
        Assert.Equal((true, count), ((bool)verified["sound"]!, (int)verified["sealed_parts_opened"]!));
    }

    [Fact]
    public async Task Retire_OlderKeys_OnceNothingRefersToThem_MakesOldBackupsUselessAndTheNodeServesOn()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        Expect.Says("it is the newest", Expect.ExitCode(1, await RetireAsync(node, "seal", 1, "--yes")));
        (SoloRecord first, RawCaller caller) = await EnrolAsync(realm, node);
        string proof = realm.NewFile("proof.json");
        Expect.Success(await node.RunAsync("doctor", "--make-proof", proof));
        foreach (string purpose in Purposes)
        {
            Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", purpose));
        }

        Expect.Success(await node.RunAsync("keys", "reseal"));
        await ResealedAsync(node);
        ProcessOutcome wrapped = Expect.ExitCode(1, await RetireAsync(node, "wrap", 1, "--yes"));
        Expect.Says("1 records are under it", wrapped);
        Expect.Says("clients that are enrolling may hold keys under it until", wrapped);
        await first.DeleteAsync(RecordState.Active);
        LetTimePass(node);
        Expect.Says("say --yes", Expect.ExitCode(2, await RetireAsync(node, "wrap", 1)));
        Expect.Success(await RetireAsync(node, "wrap", 1, "--yes"));
        Expect.Success(await RetireAsync(node, "audit", 1, "--yes"));
        Expect.ExitCode(3, await RetireAsync(node, "audit", 1, "--yes"));
        Expect.ExitCode(3, await RetireAsync(node, "seal", 9, "--yes"));
        JsonNode audit = Json(await node.RunAsync("keys", "list", "--json"))["keys"]!.AsArray().Single(k => (string?)k!["label"] == "custodian/audit/1")!;
        SignedProof.AssertSignedBy(proof, Convert.FromHexString((string)audit["public_key"]!));

        (SoloRecord second, RawCaller other) = await EnrolAsync(realm, node);
        SoloRecord.Attempt attempt = second.NewAttempt();
        Assert.Equal(second.Mask, attempt.Blinded.MaskOf((await second.EvaluateAsync(attempt)).Evaluated));
        await AssertKeysAsync(node, ["custodian/seal/2 newest 1", "custodian/seal/1 kept 0", "custodian/wrap/2 newest 1", "custodian/audit/2 newest ", "custodian/audit/1 retired "]);
        await node.StopAsync();
        await node.StartAsync();
        Json(await node.RunAsync("verify", "--hsm", "--json"));
        foreach (IDisposable done in (IDisposable[])[first, caller, second, other])
        {
            done.Dispose();
        }
    }

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Retire_SealKeyThatAnOldBackupIsUnder_MakesThatBackupUnreadable()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string backup = realm.NewFile("before.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        Expect.Success(await node.RunAsync("verify", "--file", backup));
        Expect.Says("the first and newest seal key", Expect.ExitCode(3, await node.RunAsync("keys", "reseal")));
        Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "seal"));
        Expect.Success(await node.RunAsync("keys", "reseal"));
        await ResealedAsync(node);
        LetTimePass(node);

        ProcessOutcome retired = Expect.Success(await RetireAsync(node, "seal", 1, "--yes"));

        Expect.Says("backups made while something was under it can never be opened again", retired);
        Expect.Says("lacks the key", Expect.ExitCode(1, await node.RunAsync("verify", "--file", backup)));
        (SoloRecord record, RawCaller caller) = await EnrolAsync(realm, node);
        SoloRecord.Attempt attempt = record.NewAttempt();
        Assert.Equal(record.Mask, attempt.Blinded.MaskOf((await record.EvaluateAsync(attempt)).Evaluated));
        await node.StopAsync();
        Expect.Says("lacks the key", Expect.ExitCode(1, await node.RunAsync("restore", "--from", backup, "--replace", "--accept", "x")));
        await node.StartAsync();
        caller.Dispose();
        record.Dispose();
    }

    [Fact]
    public async Task Retire_RowsEditedToNameAnotherKey_IsRefusedAndTheKeyStays()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        (SoloRecord record, RawCaller caller) = await EnrolAsync(realm, node);
        Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "seal"));
        LetTimePassUnused(node);

        // The version of the seal key that the part names, behind the part's length and the first bytes of its header.
        Execute(node, "UPDATE sealed_parts SET part = CAST(substr(part, 1, 8) || x'00000002' || substr(part, 13) AS BLOB)");
        ProcessOutcome refused = Expect.ExitCode(5, await RetireAsync(node, "seal", 1, "--yes"));

        Expect.Says("the database has findings", refused);
        await AssertKeysAsync(node, ["custodian/seal/2 newest 1", "custodian/seal/1 kept 0", "custodian/wrap/1 newest 1", "custodian/audit/1 newest "]);
        realm.Expected.Add("tampered");
        caller.Dispose();
        record.Dispose();
    }

    [Fact]
    public async Task Keys_PinInTheVariable_IsReadOnceAndRotatesAndRetires()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string pinFile = "";
        node.Reconfigure(c =>
        {
            var hsm = (JsonObject)c["hsm"]!;
            pinFile = (string)hsm["pin_file"]!;
            hsm.Remove("pin_file");
        });
        node.SetEnvironment("CUSTODIAN_PIN", File.ReadAllText(Path.Combine(node.Folder, pinFile)).Trim());

        Expect.Says("custodian/audit/2", Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "audit")));
        Expect.Says("destroyed  custodian/audit/1", Expect.Success(await RetireAsync(node, "audit", 1, "--yes")));
        Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "seal"));
        Expect.Success(await node.RunAsync("keys", "reseal"));

        await AssertKeysAsync(node, ["custodian/seal/2 newest 0", "custodian/seal/1 kept 0", "custodian/wrap/1 newest 0", "custodian/audit/2 newest ", "custodian/audit/1 retired "]);
    }

    [Fact]
    public async Task Keys_WrongUsage_IsOneLineThatSaysWhatIsRight()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];

        Expect.Says("seal, wrap or audit", Expect.ExitCode(2, await node.RunAsync("keys", "rotate", "--purpose", "sealing")));
        Expect.Says("option '--version' is required", Expect.ExitCode(2, await node.RunAsync("keys", "retire", "--purpose", "seal")));
        using FileStream held = new(Path.Combine(node.Folder, "data", "keys.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        Expect.Says("another 'custodian keys' or 'custodian restore' is at work", Expect.ExitCode(1, await node.RunAsync("keys", "rotate", "--purpose", "seal")));
        Expect.Says("another 'custodian keys' or 'custodian restore' is at work", Expect.ExitCode(1, await node.RunAsync("backup", "--to", realm.NewFile("copy.db"))));
    }

    private static void Pace(NodeProcess node, int rate) => node.Reconfigure(c => ((JsonObject)c["hsm"]!)["reseal_rate"] = rate);

    private static JsonNode Json(ProcessOutcome outcome) => JsonNode.Parse(Expect.Success(outcome).Output)!;

    private static Task<ProcessOutcome> RetireAsync(NodeProcess node, string purpose, int version, params string[] rest) => node.RunAsync(
        ["keys", "retire", "--purpose", purpose, "--version", version.ToString(System.Globalization.CultureInfo.InvariantCulture), .. rest]);

    private static async Task<(SoloRecord Record, RawCaller Caller)> EnrolAsync(Realm realm, NodeProcess node)
    {
        string subject = realm.NewSubject();
        RawCaller caller = realm.CallerFor(node, subject);
        return (await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject), caller);
    }

    /// <summary>Waits until few enough records are left under the first seal key, as the database shows it.</summary>
    private static async Task<long> LeftAsync(NodeProcess node, Func<long, bool> enough)
    {
        using var connection = new SqliteConnection($"Data Source={node.DatabaseFile};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM records r JOIN sealed_parts s ON s.slot = r.slot WHERE substr(s.part, 9, 4) = x'00000001'";
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (true)
        {
            long left = (long)command.ExecuteScalar()!;
            if (enough(left))
            {
                return left;
            }

            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    /// <summary>Waits until the node has taken up its newest keys and nothing of it is under an older seal key.</summary>
    private static async Task ResealedAsync(NodeProcess node)
    {
        // The last thing it does; before that, asking it with a command over and over would take more of the processor than it does.
        await node.Process.Output.UntilAsync(said => said.Contains("own secrets were brought under custodian/seal/2", StringComparison.Ordinal));
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3), TimeProvider.System);
        while (true)
        {
            JsonNode listed = Json(await node.RunAsync("keys", "list", "--json"));
            JsonNode[] newest = [.. listed["keys"]!.AsArray().Where(k => (string?)k!["state"] == "newest").Select(k => k!)];
            bool isUsed = newest.All(k => k["in_use_since"] is not null);
            bool hasSecrets = newest.Any(k => (string?)k["purpose"] == "seal" && (bool)k["node_secrets"]!);
            if (isUsed && hasSecrets && (long)listed["records_to_reseal"]! == 0)
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, patience.Token);
        }
    }

    /// <summary>As if the newest keys had been in use for long: the time is no rule's, and no test waits for a quarter of an hour.</summary>
    private static void LetTimePass(NodeProcess node) => Execute(node, "UPDATE key_uses SET first_ms = first_ms - 3600000");

    /// <summary>The same, of a seal key that the node may not have noticed yet.</summary>
    private static void LetTimePassUnused(NodeProcess node) =>
        Execute(node, "INSERT INTO key_uses (purpose, version, first_ms) VALUES (1, 2, 1) ON CONFLICT DO UPDATE SET first_ms = 1");

    private static void Execute(NodeProcess node, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={node.DatabaseFile};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.NotEqual(0, command.ExecuteNonQuery());
    }

    private static async Task AssertRotatedAsync(NodeProcess node)
    {
        JsonNode[] keys = [.. Json(await node.RunAsync("keys", "list", "--json"))["keys"]!.AsArray().Select(k => k!)];
        Assert.Equal(
            ["custodian/seal/2 newest", "custodian/seal/1 kept", "custodian/wrap/2 newest", "custodian/wrap/1 kept", "custodian/audit/2 newest", "custodian/audit/1 kept"],
            keys.Select(k => $"{(string?)k["label"]} {(string?)k["state"]}"));
        Assert.Equal(0, (long)keys[1]["records"]!);
        Assert.True((bool)keys[0]["node_secrets"]!);
        Assert.Equal(2, keys.Select(k => (string?)k["public_key"]).OfType<string>().Distinct().Count());
        JsonNode verified = Json(await node.RunAsync("verify", "--hsm", "--json"));
        Assert.Equal((long)keys[0]["records"]!, (long)verified["sealed_parts_opened"]!);
        Assert.Equal((long)keys[0]["records"]!, (long)keys[2]["records"]! + (long)keys[3]["records"]!);
    }

    private static async Task AssertKeysAsync(NodeProcess node, string[] expected)
    {
        JsonNode listed = Json(await node.RunAsync("keys", "list", "--json"));
        Assert.Equal(expected, listed["keys"]!.AsArray().Select(k => $"{(string?)k!["label"]} {(string?)k["state"]} {k["records"]}"));
    }
}
