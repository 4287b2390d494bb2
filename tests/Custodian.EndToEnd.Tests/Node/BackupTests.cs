using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A backup taken while the node serves is a database that the same token can serve from.</summary>
[Collection(SingleNode.Collection)]
public sealed class BackupTests(SingleNode one)
{
    [Fact]
    public async Task Backup_TakenUnderCalls_IsServedOnTheSameTokenWithOneAttemptUntilConfirmed()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync(maxAttempts: 100);
        using (caller)
        using (record)
        {
            string data = Directory.CreateDirectory(one.Realm.NewFile("restored")).FullName;
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

    private static async Task CallAsync(SoloRecord record, CancellationToken stop)
    {
        for (int i = 0; i < 50 && !stop.IsCancellationRequested; i++)
        {
            await record.EvaluateAsync(record.NewAttempt(), cancel: CancellationToken.None);
        }
    }
}
