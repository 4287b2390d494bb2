using System.Text.Json;
using System.Text.Json.Nodes;
using Custodian.Cli;
using Custodian.Cli.Commands;
using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Client.Tests.Cli;

/// <summary>Whole commands over scripted nodes.</summary>
public sealed class CommandsAgainstNodesTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private ScriptedSet _set = null!;

    public async Task InitializeAsync()
    {
        _set = await ScriptedSet.StartAsync();
        _folder.Write("key.pem", "the private key\n");
        JsonArray nodes = new([.. _set.Nodes.Select((node, i) => (JsonNode)new JsonObject
        {
            ["node_id"] = node.Id.Value,
            ["region"] = $"region-{i}",
            ["operator"] = $"operator-{i}",
            ["address"] = node.Address.GetLeftPart(UriPartial.Authority),
            ["spki_sha256"] = new JsonArray(TestCertificate.Pin(node.Certificate)),
        })]);
        _folder.Write("set.json", new JsonObject { ["set_id"] = ScriptedSet.Id.Value, ["threshold"] = 3, ["nodes"] = nodes }.ToJsonString());
    }

    public async Task DisposeAsync() => await _set.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Recover_AfterEnroll_GivesTheSameKeyAndLabel()
    {
        Assert.Equal(ExitCode.Done, (await RunAsync("secret\n", "enroll", "--key", _folder["key.pem"], "--label", "my key")).Status);

        var recovered = await RunAsync("secret\n", "recover", "--out", _folder["back.pem"]);

        Assert.Equal(ExitCode.Done, recovered.Status);
        Assert.Equal("my key", recovered.Result.GetProperty("label").GetString());
        Assert.Equal("the private key\n", await File.ReadAllTextAsync(_folder["back.pem"]));
        Assert.Equal(["back.pem", "key.pem", "set.json"], _folder.Names());
    }

    [Fact]
    public async Task Recover_ANodeLies_NamesItAndStillGivesTheKey()
    {
        await EnrolAsync();
        TaskCompletionSource liarAnswered = new();
        _set[1].Script.Evaluate = (_, answer) =>
        {
            answer.MaskedShare = Google.Protobuf.ByteString.CopyFrom(new byte[32]);
            liarAnswered.TrySetResult();
        };
        foreach (ScriptedNode honest in _set.Nodes.Where(n => n != _set[1]))
        {
            honest.Script.Before = (method, _) => method == "Evaluate" ? liarAnswered.Task : Task.CompletedTask;
        }

        var recovered = await RunAsync("secret\n", "recover", "--out", _folder["back.pem"]);

        Assert.Equal(ExitCode.Done, recovered.Status);
        Assert.Equal("node-2", Assert.Single(recovered.Result.GetProperty("faulty").EnumerateArray()).GetString());
        Assert.StartsWith("node-2 answered falsely", recovered.Result.GetProperty("warnings")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recover_WrongSecret_ExitsWithThreeAndWritesNothing()
    {
        await EnrolAsync();

        var refused = await RunAsync("not it\n", "recover", "--out", _folder["back.pem"]);

        Assert.Equal(ExitCode.WrongSecret, refused.Status);
        Assert.Equal("wrong_secret", refused.Result.GetProperty("error").GetString());
        Assert.Equal(9, refused.Result.GetProperty("attempts_left").GetInt32());
        Assert.Equal(["key.pem", "set.json"], _folder.Names());
    }

    [Fact]
    public async Task Recover_SomeoneTried_Warns()
    {
        await EnrolAsync();
        await RunAsync("a guess\n", "recover", "--out", _folder["back.pem"]);

        var recovered = await RunAsync("secret\n", "recover", "--out", _folder["back.pem"]);

        Assert.Equal(1, recovered.Result.GetProperty("foreign_attempts").GetProperty("node-1").GetInt32());
        Assert.StartsWith(
            "someone tried 1 time since the key was last recovered", recovered.Result.GetProperty("warnings")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recover_OutputExists_SpendsNoAttempt()
    {
        await EnrolAsync();

        var refused = await RunAsync("not it\n", "recover", "--out", _folder["key.pem"]);

        Assert.Equal(ExitCode.Output, refused.Status);
        Assert.All(_set.Nodes, node => Assert.Equal(0, node.Script.Count("Evaluate")));
    }

    [Fact]
    public async Task ChangeSecret_ForgottenSecret_IsReplacedUnderTheOwnerKey()
    {
        await RunAsync("secret\n", "enroll", "--key", _folder["key.pem"], "--owner-key", _folder["owner.key"]);

        var changed = await RunAsync(
            "another\n", "change-secret", "--owner-key", _folder["owner.key"], "--key", _folder["key.pem"], "--new-owner-key", _folder["new.key"]);

        Assert.Equal((ExitCode.Done, 2), (changed.Status, changed.Result.GetProperty("generation").GetInt32()));
        Assert.Equal(ExitCode.WrongSecret, (await RunAsync("secret\n", "check")).Status);
        Assert.Equal(ExitCode.Done, (await RunAsync("another\n", "check")).Status);
        Assert.Equal(ExitCode.Conflict, (await RunAsync("", "delete", "--yes", "--owner-key", _folder["owner.key"])).Status);
        Assert.Equal(ExitCode.Done, (await RunAsync("", "delete", "--yes", "--owner-key", _folder["new.key"])).Status);
    }

    [Fact]
    public async Task ChangeSecret_OldSecret_LeavesTheNewOneInEffect()
    {
        await EnrolAsync();

        Assert.Equal(ExitCode.Done, (await RunAsync("secret\nanother\n", "change-secret")).Status);

        Assert.Equal(ExitCode.WrongSecret, (await RunAsync("secret\n", "check")).Status);
        Assert.Equal(ExitCode.Done, (await RunAsync("another\n", "check")).Status);
    }

    [Fact]
    public async Task Delete_Secret_LeavesNoRecord()
    {
        await EnrolAsync();

        var deleted = await RunAsync("secret\n", "delete", "--yes");

        Assert.Equal(ExitCode.Done, deleted.Status);
        Assert.True(deleted.Result.GetProperty("complete").GetBoolean());
        Assert.Equal(ExitCode.NoRecord, (await RunAsync("", "status")).Status);
    }

    /// <summary>Nobody can have the key any more, and that node takes no other: whoever asks is told of the node and of the way out.</summary>
    [Theory]
    [InlineData("status")]
    [InlineData("check")]
    [InlineData("delete", "--yes")]
    public async Task Delete_InterruptedBeforeOneNode_IsToldByEveryCommandWithWhatToDo(string command, params string[] arguments)
    {
        await EnrolAsync();
        _set[4].Script.Refuse(RefusedCall.Because(RefusalReason.WrongState), "Delete");
        Assert.Equal(ExitCode.Done, (await RunAsync("secret\n", "delete", "--yes")).Status);

        var told = await RunAsync("secret\n", command, arguments);

        Assert.Equal(ExitCode.NoRecord, told.Status);
        Assert.Contains(_set[4].Id.Value, told.Result.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("delete --owner-key FILE", told.Result.GetProperty("hint").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Enroll_Again_ExitsWithEight()
    {
        await EnrolAsync();

        Assert.Equal(ExitCode.Conflict, (await RunAsync("other\n", "enroll", "--key", _folder["key.pem"])).Status);
    }

    [Fact]
    public async Task Status_Enrolled_ShowsEveryNodesRecord()
    {
        await EnrolAsync();

        var status = await RunAsync("", "status");

        Assert.Equal((ExitCode.Done, 10), (status.Status, status.Result.GetProperty("attempts_left").GetInt32()));
        Assert.All(
            status.Result.GetProperty("nodes").EnumerateObject(),
            node => Assert.Equal("active", Assert.Single(node.Value.GetProperty("records").EnumerateArray()).GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Recover_Locked_ExitsWithFourBeforeTheSecretIsRead()
    {
        await RunAsync("secret\n", "enroll", "--key", _folder["key.pem"], "--max-attempts", "1");
        await RunAsync("not it\n", "check");

        var locked = await RunAsync("", "recover", "--out", _folder["back.pem"]);

        Assert.Equal(ExitCode.Locked, locked.Status);
        Assert.True(locked.Result.GetProperty("exhausted").GetBoolean());
    }

    [Fact]
    public async Task Enroll_OwnerKeyCannotBeWrittenAfterwards_IsASuccessWithAWarning()
    {
        _set[0].Script.Before = (method, _) =>
        {
            if (method == "Activate")
            {
                _folder.Write("owner.key", "someone else's");
            }

            return Task.CompletedTask;
        };

        var enrolled = await RunAsync("secret\n", "enroll", "--key", _folder["key.pem"], "--owner-key", _folder["owner.key"]);

        Assert.Equal(ExitCode.Done, enrolled.Status);
        Assert.Equal(JsonValueKind.Null, enrolled.Result.GetProperty("owner_key_file").ValueKind);
        Assert.StartsWith("the owner key is not written", enrolled.Result.GetProperty("warnings")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal("someone else's", await File.ReadAllTextAsync(_folder["owner.key"]));
        Assert.Equal(ExitCode.Done, (await RunAsync("secret\n", "check")).Status);
    }

    [Fact]
    public async Task Recover_KeyCannotBeWrittenAfterwards_SaysThatTheSecretIsRightAndSettles()
    {
        await EnrolAsync();
        _set[0].Script.Before = (method, _) =>
        {
            if (method == "Describe")
            {
                _folder.Write("back.pem", "someone else's");
            }

            return Task.CompletedTask;
        };

        var refused = await RunAsync("secret\n", "recover", "--out", _folder["back.pem"]);

        Assert.Equal(ExitCode.Output, refused.Status);
        Assert.StartsWith("the secret is right", refused.Result.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.All(_set.Nodes, node => Assert.Equal(1, node.Script.Count("Confirm")));
    }

    [Fact]
    public async Task Enroll_EarlierOneTookNoEffect_IsRefusedUnlessItMayGiveWay()
    {
        foreach (ScriptedNode node in _set.Nodes)
        {
            node.Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");
        }

        var first = await RunAsync("secret\n", "enroll", "--key", _folder["key.pem"]);
        var refused = await RunAsync("other\n", "enroll", "--key", _folder["key.pem"]);
        foreach (ScriptedNode node in _set.Nodes)
        {
            node.Script.Before = (_, _) => Task.CompletedTask;
        }

        var replaced = await RunAsync("other\n", "enroll", "--key", _folder["key.pem"], "--replace-pending");

        Assert.Equal((ExitCode.Done, false), (first.Status, first.Result.GetProperty("in_effect").GetBoolean()));
        Assert.Contains("takes effect with the next recovery", first.Result.GetProperty("warnings")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal((ExitCode.Conflict, "enrolment_unfinished"), (refused.Status, refused.Result.GetProperty("error").GetString()));
        Assert.Equal((ExitCode.Done, true), (replaced.Status, replaced.Result.GetProperty("in_effect").GetBoolean()));
    }

    private async Task EnrolAsync() => (await _set.EnrolAsync("the private key\n"u8.ToArray(), "secret")).Dispose();

    private async Task<(int Status, JsonElement Result)> RunAsync(string input, string command, params string[] arguments)
    {
        using Console console = new();
        string tokens = new JsonObject(_set.Nodes.Select(n => KeyValuePair.Create<string, JsonNode?>(n.Id.Value, TestTokens.For(n.Id.Value, _set.Subject))))
            .ToJsonString();
        Surroundings surroundings = console.Surroundings(input, variables: ("TOKENS", tokens));
        string[] secret = command == "status" ? [] : ["--secret-stdin"];
        int status = await CustodyCommand.RunAsync(
            [command, "--set", _folder["set.json"], "--tokens-env", "TOKENS", "--json", .. secret, .. arguments], surroundings);
        Assert.Equal("", console.Messages);
        return (status, JsonDocument.Parse(console.Output).RootElement);
    }
}
