using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A backup taken while the node serves is a database that the same token can serve from.</summary>
[Collection(SingleNode.Collection)]
public sealed class BackupTests(SingleNode one)
{
    [Fact]
    public async Task Backup_TakenUnderCallsAndCopiedIntoPlace_ServesAllButEvaluateUntilAccepted()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync(maxAttempts: 100);
        using (caller)
        using (record)
        {
            string data = Directory.CreateDirectory(one.Realm.NewFile("copied")).FullName;
            using var stop = new CancellationTokenSource();
            Task calls = CallAsync(record, stop.Token);
            ProcessOutcome backup = await one.Node.RunAsync("backup", "--to", Path.Combine(data, "custodian.db"));
            await stop.CancelAsync();
            await calls;
            Expect.Success(backup);

            await using NodeProcess twin = one.Node.Twin(c => c["data"] = data);
            await twin.StartAsync();
            using var restored = new RawCaller(twin.Address, one.Realm.CaFile, () => one.Realm.Issuer.TokenFor(twin.NodeId, caller.Subject!));
            SoloRecord there = record.Through(restored);
            SoloRecord.Attempt attempt = there.NewAttempt();
            Assert.Equal(1U, (await there.StatusAsync()).AttemptsRemaining);
            Assert.Equal("STORAGE_UNAVAILABLE", (await WireRefusal.OfAsync(there.EvaluateAsync(attempt))).Reason);

            string words = await AwaitedWordsAsync(twin);
            Expect.ExitCode(2, await twin.RunAsync("restore", "--accept", "yes"));
            Assert.Equal("STORAGE_UNAVAILABLE", (await WireRefusal.OfAsync(there.EvaluateAsync(attempt))).Reason);
            ProcessOutcome accepted = Expect.Success(await twin.RunAsync("restore", "--accept", words, "--json"));
            Assert.Contains((string?)JsonNode.Parse(accepted.Output)!["behind_since"] ?? "nothing", words, StringComparison.Ordinal);
            await twin.Process.Output.UntilAsync(log => log.Contains("Evaluate is answered again", StringComparison.Ordinal));

            EvaluateResponse answer = await there.EvaluateAsync(attempt);
            WireRefusal second = await WireRefusal.OfAsync(there.EvaluateAsync(there.NewAttempt()));
            ConfirmResponse confirmed = await there.ConfirmAsync(attempt, answer.Sequence);
            Assert.Equal(record.Mask, attempt.Blinded.MaskOf(answer.Evaluated));
            Assert.Equal("ATTEMPTS_EXHAUSTED", second.Reason);
            Assert.Equal(100U, confirmed.AttemptsRemaining);
        }
    }

    [Fact]
    public async Task Backup_OverAFileThatIsThere_IsRefused()
    {
        string there = one.Realm.NewFile("there");
        await File.WriteAllTextAsync(there, "precious");

        ProcessOutcome outcome = await one.Node.RunAsync("backup", "--to", there);

        Expect.ExitCode(1, outcome);
        Assert.Equal("precious", await File.ReadAllTextAsync(there));
    }

    /// <summary>The words that status asks for, while it says that the node is not ready.</summary>
    private static async Task<string> AwaitedWordsAsync(NodeProcess node)
    {
        ProcessOutcome outcome = Expect.ExitCode(4, await node.RunAsync("status", "--json", "--override", $"listen={new Uri(node.Address).Authority}"));
        JsonNode status = JsonNode.Parse(outcome.Output)!;
        Assert.Contains("is a copy", (string?)status["serving"], StringComparison.Ordinal);
        Assert.Contains("custodian restore --accept", (string?)status["restored"]!["next"], StringComparison.Ordinal);
        Assert.Contains("custodian restore --accept", node.Logs, StringComparison.Ordinal);
        return $"attempts made since {(string?)status["restored"]!["behind_since"]} are forgotten";
    }

    private static async Task CallAsync(SoloRecord record, CancellationToken stop)
    {
        for (int i = 0; i < 50 && !stop.IsCancellationRequested; i++)
        {
            await record.EvaluateAsync(record.NewAttempt(), cancel: CancellationToken.None);
        }
    }
}
