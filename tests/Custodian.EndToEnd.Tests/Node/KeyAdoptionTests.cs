using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Custodian.EndToEnd.Tests.Harness;
using Microsoft.Data.Sqlite;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A token that has moved on from the database, and a database that somebody edited: nothing is lost, and nothing taken up unasked.</summary>
public sealed partial class KeyAdoptionTests
{
    [Fact]
    [Trait("Effort", "Long")]
    public async Task Restore_BackupFromBeforeItsAuditKeyWasRetired_OpensAndServesOnceTheNewKeyIsAdopted()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using SoloUser user = await SoloUser.EnrolAsync(realm, node);
        string backup = realm.NewFile("backup.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "audit"));
        ProcessOutcome asked = Expect.ExitCode(2, await node.RunAsync("keys", "retire", "--purpose", "audit", "--version", "1"));
        Expect.Says("wants 'custodian keys adopt' before the node serves", asked);
        Expect.Success(await node.RunAsync("keys", "retire", "--purpose", "audit", "--version", "1", "--yes"));
        Expect.Success(await node.RunAsync("verify", "--hsm", "--file", backup));

        Expect.Success(await node.StopAsync());
        ProcessOutcome restored = Expect.Success(await RestoreAsync(node, backup));
        Expect.Says("before this node serves", restored);
        Expect.Says("custodian/audit/2: the database does not list it", restored);
        await AssertToldByAsync(node, "custodian/audit/1", findings: 0);
        Expect.Says("say --yes", Expect.ExitCode(2, await AdoptAsync(node, "audit", 2)));
        Expect.ExitCode(3, await AdoptAsync(node, "audit", 1, "--yes"));
        Expect.ExitCode(3, await AdoptAsync(node, "audit", 2, "--id", "00", "--yes"));
        Expect.Success(await AdoptAsync(node, "audit", 2, "--yes"));
        Expect.Says("is on the node's list already", Expect.ExitCode(1, await AdoptAsync(node, "audit", 2, "--yes")));

        await node.StartAsync();
        await user.AssertEvaluatesAsync();
        Assert.Equal(
            ["custodian/seal/1 newest", "custodian/wrap/1 newest", "custodian/audit/2 newest", "custodian/audit/1 retired"], await KeysAsync(node));
        Expect.Success(await node.RunAsync("verify", "--hsm"));
    }

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Restore_BackupFromBeforeARotation_ServesWithTheKeysItKnowsAndTakesUpTheNewOneWhenAsked()
    {
        await using Realm realm = await Realm.StartAsync(1);
        realm.Expected.Add("custodian/seal/2 wants a look");
        NodeProcess node = realm.Nodes[0];
        using SoloUser user = await SoloUser.EnrolAsync(realm, node);
        string backup = realm.NewFile("backup.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "seal"));
        Expect.Success(await node.StopAsync());

        ProcessOutcome restored = Expect.Success(await RestoreAsync(node, backup));
        await node.StartAsync();
        ProcessOutcome doctor = Expect.Success(await node.RunAsync("doctor"));
        ProcessOutcome listed = Expect.Success(await node.RunAsync("keys", "list"));
        Assert.All([restored, doctor, listed], said =>
        {
            Expect.Says("custodian/seal/2: the database does not list it", said);
            Expect.Says("leave it where it is", said);
            Assert.DoesNotContain("remove it", said.All, StringComparison.Ordinal);
        });
        Assert.Equal(["custodian/seal/2 unlisted", "custodian/seal/1 newest", "custodian/wrap/1 newest", "custodian/audit/1 newest"], await KeysAsync(node));
        await user.AssertEvaluatesAsync();

        Expect.Success(await AdoptAsync(node, "seal", 2, "--yes"));
        await UsedAsync(node, "custodian/seal/2");
        using SoloUser later = await SoloUser.EnrolAsync(realm, node);
        await later.AssertEvaluatesAsync();
        Expect.Says("custodian/seal/3", Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", "seal")));
        Assert.Equal(1, (long)(await ListAsync(node))["keys"]!.AsArray().Single(k => (string?)k!["label"] == "custodian/seal/2")!["records"]!);
        Expect.Success(await node.RunAsync("verify", "--hsm"));
    }

    public static TheoryData<string> Edits => [.. Effort.Some("UPDATE key_list SET mac = zeroblob(32)", "DELETE FROM key_list")];

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task KeyList_EditedWhileTheNodeWasStopped_StopsItsStartAndNoCommandThatTellsWhy(string sql)
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using SoloUser user = await SoloUser.EnrolAsync(realm, node);
        Expect.Success(await node.StopAsync());
        Execute(node, sql);

        await AssertToldByAsync(node, "key_list", findings: 1);
        Expect.Says("key_list", Expect.ExitCode(1, await node.RunAsync("keys", "rotate", "--purpose", "seal")));
        Expect.Says("key_list", Expect.ExitCode(1, await node.RunAsync("keys", "reseal")));
        Expect.Says("key_list", Expect.ExitCode(5, await node.RunAsync("keys", "retire", "--purpose", "seal", "--version", "1", "--yes")));
        foreach (string purpose in (string[])["audit", "seal", "wrap"])
        {
            Expect.Success(await AdoptAsync(node, purpose, 1, "--yes"));
        }

        await node.StartAsync();
        await user.AssertEvaluatesAsync();
        Expect.Success(await node.RunAsync("verify", "--hsm"));
    }

    [Fact]
    public async Task Restore_WhileACommandChangesTheKeys_IsRefusedAndChangesNothing()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        string backup = realm.NewFile("backup.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        Expect.Success(await node.StopAsync());
        byte[] before = await File.ReadAllBytesAsync(node.DatabaseFile);
        using (new FileStream(Path.Combine(node.Folder, "data", "keys.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            ProcessOutcome held = Expect.ExitCode(1, await node.RunAsync("restore", "--from", backup, "--replace"));
            Expect.Says("another 'custodian keys' or 'custodian restore' is at work", held);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(node.DatabaseFile));
        Expect.Success(await RestoreAsync(node, backup));
    }

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Init_ReuseKeysOfWhichFirstVersionsWereRetired_ListsThoseThereAre()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        foreach (string purpose in (string[])["wrap", "audit"])
        {
            Expect.Success(await node.RunAsync("keys", "rotate", "--purpose", purpose));
        }

        Expect.Success(await node.RunAsync("keys", "retire", "--purpose", "audit", "--version", "1", "--yes"));
        await node.StopAsync();
        Directory.Move(Path.Combine(node.Folder, "data"), Path.Combine(node.Folder, "data.lost"));

        Expect.Says("custodian/wrap/2", Expect.Success(await node.RunAsync("init", "--reuse-keys")));
        await node.StartAsync();

        using SoloUser user = await SoloUser.EnrolAsync(realm, node);
        await user.AssertEvaluatesAsync();
        Assert.Equal(["custodian/seal/1 newest", "custodian/wrap/2 newest", "custodian/wrap/1 kept", "custodian/audit/2 newest"], await KeysAsync(node));
    }

    /// <summary>The node does not start; whatever tells an operator what is wrong runs and says it.</summary>
    private static async Task AssertToldByAsync(NodeProcess node, string what, int findings)
    {
        Expect.Says(what, Expect.ExitCode(1, await node.RunAsync("serve")));
        Expect.Says(what, Expect.ExitCode(4, await node.RunAsync("status")));
        Expect.Says(what, Expect.ExitCode(1, await node.RunAsync("keys", "list")));
        Expect.Says(what, Expect.ExitCode(5, await node.RunAsync("doctor")));
        JsonNode verified = JsonNode.Parse(Expect.ExitCode(findings == 0 ? 0 : 5, await node.RunAsync("verify", "--hsm", "--json")).Output)!;
        Assert.Equal((findings, 1), ((int)verified["finding_count"]!, (int)verified["sealed_parts_opened"]!));
        Assert.All(verified["findings"]!.AsArray(), f => Assert.Equal(what, (string?)f!["record"]));
    }

    private static Task<ProcessOutcome> AdoptAsync(NodeProcess node, string purpose, int version, params string[] rest) => node.RunAsync(
        ["keys", "adopt", "--purpose", purpose, "--version", version.ToString(CultureInfo.InvariantCulture), .. rest]);

    /// <summary>Asks without the words first, and gives those that it is told.</summary>
    private static async Task<ProcessOutcome> RestoreAsync(NodeProcess node, string backup)
    {
        ProcessOutcome asked = Expect.ExitCode(2, await node.RunAsync("restore", "--from", backup, "--replace"));
        return await node.RunAsync("restore", "--from", backup, "--replace", "--accept", Words().Match(asked.Error).Groups[1].Value);
    }

    private static async Task<JsonNode> ListAsync(NodeProcess node) => JsonNode.Parse(Expect.Success(await node.RunAsync("keys", "list", "--json")).Output)!;

    private static async Task<IEnumerable<string>> KeysAsync(NodeProcess node) =>
        (await ListAsync(node))["keys"]!.AsArray().Select(k => $"{(string?)k!["label"]} {(string?)k["state"]}");

    private static Task<string> UsedAsync(NodeProcess node, string label) => node.Process.Output.UntilAsync(said => IsUsed().Matches(said).Any(m => m.Value.Contains(label)));

    private static void Execute(NodeProcess node, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={node.DatabaseFile};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.Equal(1, command.ExecuteNonQuery());
    }

    /// <summary>A record at a node, and what its evaluation must give.</summary>
    private sealed class SoloUser(Realm realm, NodeProcess node, SoloRecord record, RawCaller caller) : IDisposable
    {
        internal static async Task<SoloUser> EnrolAsync(Realm realm, NodeProcess node)
        {
            string subject = realm.NewSubject();
            RawCaller caller = realm.CallerFor(node, subject);
            return new SoloUser(realm, node, await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject), caller);
        }

        internal async Task AssertEvaluatesAsync()
        {
            // A caller of its own: the node may listen elsewhere since.
            using RawCaller again = realm.CallerFor(node, caller.Subject!);
            SoloRecord there = record.Through(again);
            SoloRecord.Attempt attempt = there.NewAttempt();
            Assert.Equal(record.Mask, attempt.Blinded.MaskOf((await there.EvaluateAsync(attempt)).Evaluated));
        }

        public void Dispose()
        {
            record.Dispose();
            caller.Dispose();
        }
    }

    [GeneratedRegex("--accept \"([^\"]+)\"")]
    private static partial Regex Words();

    [GeneratedRegex("new blobs and signatures are under [^\"]+")]
    private static partial Regex IsUsed();
}
