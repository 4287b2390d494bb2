using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>The device is lost: what a person with <c>custody</c>, or an app with the SDK, gets back on a new one, from three of five nodes.</summary>
[Collection(FiveNodes.Collection)]
public sealed class RecoveryTests(FiveNodes five)
{
    private const string Secret = "four words make sense";

    private Realm Realm => five.Realm;

    [Fact]
    public async Task Recover_TwoNodesKilled_GivesTheKeyIntoAPrivateFile()
    {
        (string subject, string key) = await EnrolByCustodyAsync("--label", "signing key");
        string recovered = Realm.NewFile("recovered");

        ProcessOutcome outcome;
        await using (await Realm.Nodes[0].DownAsync())
        await using (await Realm.Nodes[3].DownAsync())
        {
            outcome = Expect.Success(await Realm.CustodyAsync(subject, Secret, "recover", "--out", recovered, "--json"));
        }

        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(recovered));
        JsonNode json = JsonNode.Parse(outcome.Output)!;
        Assert.Equal("signing key", (string?)json["label"]);
        Assert.Equal(3, json["confirmed"]!.AsArray().Count);
        Assert.Equal("unreachable", (string?)json["nodes"]![Realm.Nodes[0].NodeId]!["condition"]);
    }

    [Fact]
    public async Task Recover_OnAFreshSdkClient_GivesTheKeyAndAllAttemptsBack()
    {
        (string subject, string key) = await EnrolAsync();
        await using CustodianClient device = Realm.Client(subject);

        using RecoverySession session = await device.PrepareRecoveryAsync();
        Assert.Equal((10, TimeSpan.Zero), (session.AttemptsLeft, session.Delay));
        using RecoverResult recovered = await session.RecoverAsync(Secret);

        Assert.True(recovered.PrivateKey.FixedTimeEquals(await File.ReadAllBytesAsync(key)));
        Assert.Empty(recovered.ForeignAttempts);
        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        Assert.Equal(10, (await device.DescribeAsync()).AttemptsLeft);
    }

    [Fact]
    public async Task Recover_WrongSecret_ExitsWith3AndSaysHowManyAreLeft()
    {
        (string subject, _) = await EnrolAsync();
        string recovered = Realm.NewFile("recovered");

        ProcessOutcome first = await Realm.CustodyAsync(subject, "not it", "recover", "--out", recovered);
        ProcessOutcome second = await Realm.CustodyAsync(subject, "nor this", "recover", "--out", recovered, "--json");

        Expect.ExitCode(3, first);
        Expect.Says("wrong secret: 9 attempts left", first);
        Expect.ExitCode(3, second);
        JsonNode json = JsonNode.Parse(second.Output)!;
        Assert.Equal(("wrong_secret", 8), ((string?)json["error"], (int)json["attempts_left"]!));
        Assert.False(File.Exists(recovered));
        Assert.DoesNotContain("not it", first.All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recover_SomeoneElseHadGuessed_SaysSo()
    {
        (string subject, _) = await EnrolAsync();
        await using (CustodianClient thief = Realm.Client(subject))
        {
            await Assert.ThrowsAsync<WrongSecretException>(() => thief.RecoverAsync("a guess"));
        }

        ProcessOutcome outcome = await Realm.CustodyAsync(subject, Secret, "recover", "--out", Realm.NewFile("recovered"));

        Expect.Success(outcome);
        Expect.Says("tried 1 time", outcome);
    }

    [Fact]
    public async Task Recover_OverAFileThatIsThere_IsRefusedBeforeAnAttemptIsCharged()
    {
        (string subject, string key) = await EnrolAsync();
        string there = Realm.NewFile("there");
        await File.WriteAllTextAsync(there, "precious");

        ProcessOutcome refused = await Realm.CustodyAsync(subject, "not it", "recover", "--out", there);
        ProcessOutcome nowhere = await Realm.CustodyAsync(subject, "not it", "recover", "--out", Path.Combine(there, "key"));

        Expect.ExitCode(9, refused);
        Expect.ExitCode(9, nowhere);
        Assert.Equal("precious", await File.ReadAllTextAsync(there));
        await using CustodianClient device = Realm.Client(subject);
        Assert.Equal(10, (await device.DescribeAsync()).AttemptsLeft);

        Expect.Success(await Realm.CustodyAsync(subject, Secret, "recover", "--out", there, "--force"));
        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(there));
    }

    [Fact]
    public async Task Recover_ThreeNodesKilled_ExitsWith5AndNamesThem()
    {
        (string subject, _) = await EnrolAsync();

        ProcessOutcome outcome;
        await using (await Realm.Nodes[1].DownAsync())
        await using (await Realm.Nodes[2].DownAsync())
        await using (await Realm.Nodes[4].DownAsync())
        {
            outcome = await Realm.CustodyAsync(subject, Secret, "recover", "--out", Realm.NewFile("recovered"));
        }

        Expect.ExitCode(5, outcome);
        Assert.All([1, 2, 4], i => Expect.Says(Realm.Nodes[i].NodeId, outcome));
        await using CustodianClient device = Realm.Client(subject);
        Assert.Equal(10, (await device.DescribeAsync()).AttemptsLeft);
    }

    [Fact]
    public async Task Recover_AllAttemptsUsed_IsLockedUntilTheOwnerKeyReplacesTheRecord()
    {
        string owner = Realm.NewFile("owner");
        (string subject, string key) = await EnrolByCustodyAsync("--max-attempts", "1", "--owner-key", owner);
        string recovered = Realm.NewFile("recovered");

        ProcessOutcome wrong = await Realm.CustodyAsync(subject, "not it", "recover", "--out", recovered);
        ProcessOutcome locked = await Realm.CustodyAsync(subject, Secret, "recover", "--out", recovered);
        Expect.ExitCode(3, wrong);
        Expect.Says("0 attempts left", wrong);
        Expect.ExitCode(4, locked);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(owner));

        Expect.Success(await Realm.CustodyAsync(subject, "a new one", "change-secret", "--owner-key", owner, "--key", key));
        Expect.Success(await Realm.CustodyAsync(subject, "a new one", "recover", "--out", recovered));
        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
    }

    [Fact]
    public async Task Recover_OneNodeStopped_ReturnsWhileThatOneIsStillBeingAsked()
    {
        (string subject, string key) = await EnrolAsync();
        await using CustodianClient device = Realm.Client(subject);
        NodeProcess stopped = Realm.Nodes[2];

        SettlementReport settlement;
        await using (stopped.Paused())
        {
            using RecoverResult recovered = await device.RecoverAsync(Secret);
            Assert.False(recovered.Settlement.IsCompleted, "the recovery waited for the node that does not answer");
            Assert.Equal(NodeCondition.Unanswered, recovered.Nodes[NodeId.Parse(stopped.NodeId)].Condition);
            Assert.True(recovered.PrivateKey.FixedTimeEquals(await File.ReadAllBytesAsync(key)));
            settlement = await AfterAsync(stopped.Process.Continue, recovered.Settlement);
        }

        Assert.Equal(5, settlement.Confirmed.Length);
    }

    [Fact]
    public async Task Recover_OneNodeStoppedForLong_CallsItLateAndNotFalse()
    {
        (string subject, _) = await EnrolAsync();
        await using CustodianClient device = Realm.Client(
            subject, o => (o.ConnectTimeout, o.AttemptTimeout, o.MaxRetries) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), 1));
        NodeProcess stopped = Realm.Nodes[3];

        SettlementReport settlement;
        await using (stopped.Paused())
        {
            using RecoverResult recovered = await device.RecoverAsync(Secret);
            settlement = await recovered.Settlement;
        }

        Assert.Equal(NodeCondition.TimedOut, settlement.Nodes[NodeId.Parse(stopped.NodeId)].Condition);
        Assert.Empty(settlement.Faulty);
        Assert.Equal(4, settlement.Confirmed.Length);
    }

    [Fact]
    public async Task Recover_OneNodeStopped_WritesTheKeyBeforeTheAttemptsAreGivenBack()
    {
        (string subject, string key) = await EnrolAsync();
        string recovered = Realm.NewFile("recovered");
        NodeProcess stopped = Realm.Nodes[1];

        ProcessOutcome outcome;
        await using (stopped.Paused())
        await using (ChildProcess custody = Realm.StartCustody(
            Secret, null, "recover", "--out", recovered, "--tokens", Realm.WriteTokens(subject)))
        {
            await custody.Error.UntilAsync(text => text.Contains("the key is written", StringComparison.Ordinal));
            Assert.False(custody.HasExited, "it ended although a node had not answered");
            Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
            outcome = await AfterAsync(stopped.Process.Continue, custody.WaitAsync());
        }

        Expect.Success(outcome);
        Expect.Says("5 nodes gave the attempt back", outcome);
    }

    [Fact]
    public async Task Recover_InterruptedWhileTheNodesAreSilent_ExitsWith130AndLeavesNoFile()
    {
        (string subject, _) = await EnrolAsync();
        string folder = Directory.CreateDirectory(Realm.NewFile("out")).FullName;

        ProcessOutcome outcome;
        await using (Realm.Nodes[0].Paused())
        await using (Realm.Nodes[1].Paused())
        await using (Realm.Nodes[2].Paused())
        await using (ChildProcess custody = Realm.StartCustody(
            Secret, null, "recover", "--out", Path.Combine(folder, "key"), "--tokens", Realm.WriteTokens(subject)))
        {
            await custody.Error.UntilAsync(text => text.Contains("asking 5 nodes", StringComparison.Ordinal));
            custody.Terminate();
            outcome = await custody.WaitAsync();
        }

        Expect.ExitCode(130, outcome);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private static Task<T> AfterAsync<T>(Action first, Task<T> then)
    {
        first();
        return then;
    }

    private async Task<(string Subject, string Key)> EnrolAsync()
    {
        (string subject, string key) = (Realm.NewSubject(), Realm.NewKey());
        await Realm.EnrolAsync(subject, Secret, key);
        return (subject, key);
    }

    private async Task<(string Subject, string Key)> EnrolByCustodyAsync(params string[] options)
    {
        (string subject, string key) = (Realm.NewSubject(), Realm.NewKey());
        Expect.Success(await Realm.CustodyAsync(subject, Secret, ["enroll", "--key", key, .. options]));
        return (subject, key);
    }
}
