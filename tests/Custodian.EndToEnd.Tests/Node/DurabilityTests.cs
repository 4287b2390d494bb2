using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>What a node has answered is on its disk, whatever happens next; and it does not pay an fsync per caller for that.</summary>
public sealed partial class DurabilityTests(ITestOutputHelper output)
{
    private const int Callers = 32;

    [Fact]
    public async Task Kill_RightAfterAnswers_LosesNoCharge()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, "kill"));
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, "kill", maxAttempts: 100);

        for (uint round = 1; round <= 3; round++)
        {
            await record.EvaluateAsync(record.NewAttempt());
            await node.KillAsync();
            await node.StartAsync();

            Assert.Equal(round, (await record.StatusAsync()).AttemptsUsed);
        }
    }

    [Fact]
    public async Task Kill_UnderManyCallers_KeepsEveryAnsweredCharge()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, "kill"));
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, "kill", maxAttempts: 100);
        var answered = new ConcurrentBag<ulong>();
        Task[] calls = [.. Enumerable.Range(0, Callers).Select(_ => AnsweredAsync(record, answered))];

        await Task.WhenAny(calls);
        await node.KillAsync();
        await Task.WhenAll(calls);
        await node.StartAsync();

        RecordStatus status = await record.StatusAsync();
        Assert.NotEmpty(answered);
        Assert.True(status.AttemptsUsed >= answered.Count, $"{answered.Count} answers, but only {status.AttemptsUsed} charges");
    }

    [Fact]
    public async Task Stop_UnderManyCallers_AnswersAllThatItCharged()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, "stop"));
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, "stop", maxAttempts: 100);
        var answered = new ConcurrentBag<ulong>();
        Task<StatusCode>[] calls = [.. Enumerable.Range(0, Callers).Select(_ => AnsweredAsync(record, answered))];

        await Task.WhenAny(calls);
        Expect.Success(await node.StopAsync());
        StatusCode[] outcomes = await Task.WhenAll(calls);
        await node.StartAsync();

        Assert.All(outcomes, o => Assert.True(o is StatusCode.OK or StatusCode.Unavailable, $"a call ended with {o}"));
        Assert.Equal((uint)answered.Count, (await record.StatusAsync()).AttemptsUsed);
    }

    [ProgramFact("strace")]
    public async Task Evaluate_SixtyFourAtOnce_SharesFsyncs()
    {
        const int callers = 64;
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];

        // Of one account, whose calls would otherwise come to the store a few at a time.
        Expect.Success(await node.StopAsync());
        await node.StartAsync("limits:account_hsm_share=0");
        string trace = Path.Combine(realm.Folder, "strace.log");
        using var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, "group"));
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, "group", maxAttempts: 100);

        // A first wave, so that the second is not held up by code that is compiled for the first time.
        await EvaluateAllAsync(record, callers);
        SoloRecord.Attempt confirmed = record.NewAttempt();
        await record.ConfirmAsync(confirmed, (await record.EvaluateAsync(confirmed)).Sequence);

        // As slow as a disk can be: on a busy machine the 64 calls come over a while, and those that come during one sync are to share the next.
        await using ChildProcess strace = ChildProcess.Start(
            "/usr/bin/strace",
            ["-f", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=20000", "-o", trace, "-p", $"{node.Process.Id}"]);
        await AttachedAsync(node.Process.Id);
        await EvaluateAllAsync(record, callers);
        strace.Terminate();
        await strace.WaitAsync();

        int synced = Fsync().Count(await File.ReadAllTextAsync(trace));
        output.WriteLine($"{callers} Evaluates at once cost {synced} fsyncs");
        Assert.InRange(synced, 1, 15);
        Assert.Equal((uint)callers, (await record.StatusAsync()).AttemptsUsed);
    }

    private static Task<EvaluateResponse[]> EvaluateAllAsync(SoloRecord record, int callers)
    {
        SoloRecord.Attempt[] attempts = [.. Enumerable.Range(0, callers).Select(_ => record.NewAttempt())];
        return Task.WhenAll(attempts.Select(a => record.EvaluateAsync(a).ResponseAsync));
    }

    private static async Task<StatusCode> AnsweredAsync(SoloRecord record, ConcurrentBag<ulong> answered)
    {
        try
        {
            EvaluateResponse response = await record.EvaluateAsync(record.NewAttempt());
            answered.Add(response.Sequence);
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }

    private static async Task AttachedAsync(int processId)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (File.ReadLines($"/proc/{processId}/status").Contains("TracerPid:\t0"))
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }

        // Every thread is attached one after another; the last one is what counts.
        while (Directory.EnumerateDirectories($"/proc/{processId}/task").Any(IsUntraced))
        {
            await poll.WaitForNextTickAsync(patience.Token);
        }
    }

    private static bool IsUntraced(string thread) =>
        File.Exists($"{thread}/status") && File.ReadLines($"{thread}/status").Contains("TracerPid:\t0");

    [GeneratedRegex(@"\bf(data)?sync\(")]
    private static partial Regex Fsync();
}
