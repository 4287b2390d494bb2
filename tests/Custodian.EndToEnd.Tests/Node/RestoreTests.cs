using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A node is lost, and goes on from its backup on a new machine with the same HSM keys.</summary>
public sealed partial class RestoreTests
{
    private const int Accounts = 6;

    [Fact]
    public async Task Restore_BackupTakenUnderLoadOntoANewMachine_EveryAccountRecoversWithOneAttemptUntilItsConfirm()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        List<User> users = [];
        try
        {
            for (int i = 0; i < Accounts; i++)
            {
                users.Add(await User.EnrolAsync(realm, node));
            }

            User deleted = users[0];
            await deleted.Record.DeleteAsync(RecordState.Active);
            string backup = realm.NewFile("backup.db");
            using var stop = new CancellationTokenSource();
            Task load = LoadAsync(realm, node, stop.Token);
            ProcessOutcome made = await node.RunAsync("backup", "--to", backup);
            await stop.CancelAsync();
            await load;
            Expect.Success(made);
            await users[1].Record.EvaluateAsync(users[1].Record.NewAttempt());
            await node.KillAsync();

            await using NodeProcess fresh = NewMachine(realm, node);
            Expect.Success(await RestoreAsync(fresh, backup));
            await fresh.StartAsync();
            await AllRecoverOnceAsync(realm, fresh, users.Skip(1));
            using RawCaller gone = deleted.CallerAt(realm, fresh);
            Assert.Equal("RECORD_DESTROYED", (await WireRefusal.OfAsync(deleted.Record.Through(gone).EvaluateAsync(deleted.Record.NewAttempt()))).Reason);
            JsonNode status = await StatusAsync(fresh);
            Assert.Equal("ready", (string?)status["serving"]);
            Assert.NotNull((string?)status["restored"]!["copied_at"]);
            Assert.NotNull((string?)status["restored"]!["accepted_at"]);
            Expect.Success(await fresh.RunAsync("verify", "--hsm"));
        }
        finally
        {
            users.ForEach(u => u.Dispose());
        }
    }

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Restore_OverTheDatabaseThatIsThere_KeepsItAndRevivesNothingThatItKnowsToBeDestroyed()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using User stays = await User.EnrolAsync(realm, node);
        using User leaves = await User.EnrolAsync(realm, node);
        string backup = realm.NewFile("backup.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        await leaves.Record.DeleteAsync(RecordState.Active);

        Expect.Says("is there already and stays as it is", Expect.ExitCode(1, await node.RunAsync("restore", "--from", backup)));
        ProcessOutcome serving = await RestoreAsync(node, backup, "--replace");
        Expect.Says("stop the node", Expect.ExitCode(1, serving));
        Assert.Equal(RecordState.Active, (await stays.Record.StatusAsync()).State);
        Expect.Success(await node.StopAsync());
        ProcessOutcome outcome = Expect.Success(await RestoreAsync(node, backup, "--replace"));
        Expect.Says("1 records that were destroyed after the backup stay destroyed", outcome);
        string kept = Assert.Single(Directory.GetFiles(Path.GetDirectoryName(node.DatabaseFile)!, "custodian.db.before-*"));
        Expect.Success(await node.RunAsync("verify", "--file", kept));
        await node.StartAsync();

        await AllRecoverOnceAsync(realm, node, [stays]);
        Assert.Equal("RECORD_DESTROYED", (await WireRefusal.OfAsync(leaves.Record.EvaluateAsync(leaves.Record.NewAttempt()))).Reason);
    }

    [Fact]
    public async Task Restore_WhatIsNoFitBackup_IsRefusedByNameAndPlacesNothing()
    {
        await using Realm realm = await Realm.StartAsync(2, threshold: 1);
        (NodeProcess node, NodeProcess other) = (realm.Nodes[0], realm.Nodes[1]);
        string backup = realm.NewFile("backup.db");
        Expect.Success(await node.RunAsync("backup", "--to", backup));
        string foreign = realm.NewFile("foreign.db");
        Expect.Success(await other.RunAsync("backup", "--to", foreign));
        string noise = realm.NewFile("noise.db");
        await File.WriteAllTextAsync(noise, new string('x', 20_000));
        await using NodeProcess fresh = NewMachine(realm, node);

        Expect.Says($"{foreign} is of node", Expect.ExitCode(1, await fresh.RunAsync("restore", "--from", foreign)));
        Expect.Says($"{noise} is not the database of a node", Expect.ExitCode(1, await fresh.RunAsync("restore", "--from", noise)));
        Expect.Says("there is no file", Expect.ExitCode(3, await fresh.RunAsync("restore", "--from", backup + "x")));
        Expect.Says("are forgotten", Expect.ExitCode(2, await fresh.RunAsync("restore", "--from", backup)));
        Expect.Says("are forgotten", Expect.ExitCode(2, await fresh.RunAsync("restore", "--from", backup, "--accept", "yes")));
        string otherToken = other.ChangeConfiguration(c =>
        {
            c["node_id"] = node.NodeId;
            c["data"] = Path.Combine(other.Folder, "elsewhere");
        });
        Expect.Says("does not open", Expect.ExitCode(1, await other.RunWithAsync(otherToken, "restore", "--from", backup)));
        Assert.Empty(Directory.GetFiles(Path.Combine(fresh.Folder, "data")));
    }

    /// <summary>Another folder, with a copy of the token, as on another machine.</summary>
    private static NodeProcess NewMachine(Realm realm, NodeProcess node)
    {
        string folder = Directory.CreateDirectory(realm.NewFile("machine")).FullName;
        string tokens = Path.Combine(folder, "tokens");
        CopyFolder(Path.Combine(node.Folder, "tokens"), tokens);
        File.WriteAllText(
            Path.Combine(folder, "softhsm2.conf"), $"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n");
        return node.MovedTo(folder);
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Asks without the words first, and gives those that it is told.</summary>
    private static async Task<ProcessOutcome> RestoreAsync(NodeProcess node, string backup, params string[] further)
    {
        ProcessOutcome asked = Expect.ExitCode(2, await node.RunAsync(["restore", "--from", backup, .. further]));
        string words = Words().Match(asked.Error).Groups[1].Value;
        return await node.RunAsync(["restore", "--from", backup, "--accept", words, .. further]);
    }

    private static async Task AllRecoverOnceAsync(Realm realm, NodeProcess node, IEnumerable<User> users)
    {
        foreach (User user in users)
        {
            using RawCaller caller = user.CallerAt(realm, node);
            SoloRecord there = user.Record.Through(caller);
            SoloRecord.Attempt attempt = there.NewAttempt();
            EvaluateResponse answer = await there.EvaluateAsync(attempt);
            Assert.Equal(user.Record.Mask, attempt.Blinded.MaskOf(answer.Evaluated));
            Assert.Equal("ATTEMPTS_EXHAUSTED", (await WireRefusal.OfAsync(there.EvaluateAsync(there.NewAttempt()))).Reason);
            Assert.Equal(10U, (await there.ConfirmAsync(attempt, answer.Sequence)).AttemptsRemaining);
        }
    }

    private static async Task<JsonNode> StatusAsync(NodeProcess node)
    {
        ProcessOutcome outcome = await node.RunAsync("status", "--json", "--override", $"listen={new Uri(node.Address).Authority}");
        return JsonNode.Parse(Expect.Success(outcome).Output)!;
    }

    private static async Task LoadAsync(Realm realm, NodeProcess node, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            using User user = await User.EnrolAsync(realm, node);
            await user.Record.EvaluateAsync(user.Record.NewAttempt(), cancel: CancellationToken.None);
        }
    }

    [GeneratedRegex("--accept \"([^\"]+)\"")]
    private static partial Regex Words();

    /// <summary>A user with a record at the one node.</summary>
    private sealed record User(string Subject, SoloRecord Record, RawCaller Caller) : IDisposable
    {
        internal static async Task<User> EnrolAsync(Realm realm, NodeProcess node)
        {
            string subject = realm.NewSubject();
            var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, subject)) { Subject = subject };
            return new User(subject, await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject), caller);
        }

        internal RawCaller CallerAt(Realm realm, NodeProcess node) =>
            new(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, Subject));

        public void Dispose()
        {
            Record.Dispose();
            Caller.Dispose();
        }
    }
}
