using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>Decisions made while some nodes have not answered, or never do.</summary>
public sealed class PartialViewTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    [Fact]
    public async Task Recover_LiarClaimedAFarGenerationOnceAndNoneNow_HonestNodesAreNotBlamed()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        set[0].Script.Describe = answer => answer.Records.Add(new Wire.RecordStatus
        {
            State = Wire.RecordState.Destroyed,
            RecordId = Google.Protobuf.ByteString.CopyFrom(new byte[16]),
            Generation = 1UL << 32,
        });
        await set.EnrolAsync(Key, "secret");
        set[0].Script.Describe = answer => answer.Records.Clear();
        TaskCompletionSource others = new();
        set[2].Script.Before = (method, _) => method == "Describe" ? others.Task : Task.CompletedTask;
        int described = 0;
        Steps progress = new(step =>
        {
            if (step is { Stage: CustodyStage.Describing, Node: not null } && Interlocked.Increment(ref described) == 2)
            {
                others.SetResult();
            }
        });

        using RecoverySession session = await set.NewClient().PrepareRecoveryAsync(progress);
        using RecoverResult recovered = await session.RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.DoesNotContain(session.Nodes, n => n.Value.Condition == NodeCondition.Faulty);
    }

    [Fact]
    public async Task Recover_SecretIsThereAndOneNodeNeverSpeaks_DoesNotWaitForIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        await set.EnrolAsync(Key, "secret");
        StoppedClock clock = new();
        TaskCompletionSource released = new();
        int asked = 0;
        foreach (int i in new[] { 0, 1 })
        {
            set[i].Script.Before = (method, _) =>
            {
                // The survey has taken its time when they answer; from then on the clock stands still.
                if (method == "Describe" && Interlocked.Increment(ref asked) == 2)
                {
                    clock.Advance(TimeSpan.FromSeconds(10));
                    released.SetResult();
                }

                return method == "Describe" ? released.Task : Task.CompletedTask;
            };
        }

        set[2].Script.Hang("Describe");

        using RecoverResult recovered = await set.NewClient(o => o.TimeProvider = clock)
            .RecoverAsync("secret").WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System);

        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Recover_NoAttemptIsFreeByWhatTheFirstSay_HearsTheOthersBeforeItSaysWhen()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        await set.EnrolAsync(Key, "secret");
        TaskCompletionSource others = new();
        int described = 0;
        foreach ((int i, int seconds) in new[] { (0, 30_000_000), (1, 20), (2, 30) })
        {
            set[i].Script.Describe = answer => answer.Records[0].RetryAfterMs = seconds * 1000L;
        }

        set[2].Script.Before = (method, _) => method == "Describe" ? others.Task : Task.CompletedTask;
        Steps progress = new(step =>
        {
            if (step is { Stage: CustodyStage.Describing, Node: not null } && Interlocked.Increment(ref described) == 2)
            {
                _ = Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System).ContinueWith(_ => others.SetResult(), TaskScheduler.Default);
            }
        });

        var locked = await Assert.ThrowsAsync<LockedException>(() => set.NewClient().RecoverAsync("secret", progress));

        Assert.InRange(locked.Delay!.Value, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Recover_NewRecordAtNodesThatAreSlow_IsFoundBeforeTheSecretIsCalledWrong()
    {
        await using ScriptedSet set = await MovedAsync();
        TaskCompletionSource released = new();
        foreach (int i in new[] { 3, 4, 5 })
        {
            set[i].Script.Before = (method, _) => method == "Describe" ? released.Task : Task.CompletedTask;
        }

        set[0].Script.Before = (method, _) =>
        {
            if (method == "Evaluate")
            {
                released.TrySetResult();
            }

            return Task.CompletedTask;
        };
        CustodianClient client = set.NewClient(o => o.SlowNodeGrace = TimeSpan.Zero, set.Custodians(0, 1, 2));

        using RecoverResult recovered = await client.RecoverAsync("new");

        await recovered.Settlement;
        Assert.Equal(2UL, recovered.Record.Generation);
    }

    [Fact]
    public async Task Recover_NewRecordAtNodesThatAreDown_IsNotCertainThatTheSecretIsWrong()
    {
        await using ScriptedSet set = await MovedAsync();
        foreach (int i in new[] { 3, 4, 5 })
        {
            set[i].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Describe");
        }

        var wrong = await Assert.ThrowsAsync<WrongSecretException>(
            () => set.NewClient(custodians: set.Custodians(0, 1, 2)).RecoverAsync("new"));

        Assert.False(wrong.IsCertain);
        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal(1U, set.At(i).Records[0].Used));
    }

    [Fact]
    public async Task Recover_NodeSaysThatNoAttemptIsLeftAndAnotherIsDown_IsNotExhausted()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "secret");
        await set[2].StopAsync();
        set[0].Script.Describe = answer => answer.Records[0].AttemptsRemaining = 0;

        var few = await Assert.ThrowsAsync<TooFewNodesException>(() => set.NewClient().RecoverAsync("secret"));

        Assert.Equal((2, 1, true), (few.Needed, few.Answered, few.IsTransient));
    }

    [Fact]
    public async Task Recover_NodeRunsOutOfAttemptsMeanwhileAndAnotherIsDown_IsNotExhausted()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        await set.EnrolAsync(Key, "secret");
        set[0].Script.Refuse(RefusedCall.Because(RefusalReason.AttemptsExhausted), "Evaluate");
        set[2].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Evaluate");

        var few = await Assert.ThrowsAsync<TooFewNodesException>(() => set.NewClient().RecoverAsync("secret"));

        Assert.Equal((2, 1), (few.Needed, few.Answered));
    }

    [Fact]
    public async Task Recover_AllButOneRunOutOfAttemptsMeanwhile_IsExhausted()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        await set.EnrolAsync(Key, "secret");
        set[0].Script.Refuse(RefusedCall.Because(RefusalReason.AttemptsExhausted), "Evaluate");
        set[2].Script.Refuse(RefusedCall.Because(RefusalReason.AttemptsExhausted), "Evaluate");

        var locked = await Assert.ThrowsAsync<LockedException>(() => set.NewClient().RecoverAsync("secret"));

        Assert.True(locked.IsExhausted);
    }

    [Fact]
    public async Task Recover_OlderRecordWaitsForADelay_IsNotCertainThatTheSecretIsWrong()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        await set.EnrolAsync(Key, "old");
        foreach (int i in new[] { 1, 2 })
        {
            set[i].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");
        }

        using (await set.NewClient().ChangeSecretAsync("old", "new"))
        {
        }

        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (_, _) => Task.CompletedTask;
            node.Script.Describe = answer => answer.Records.Single(r => r.Generation == 1).RetryAfterMs = 30000;
        }

        var wrong = await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("old"));

        Assert.False(wrong.IsCertain);
    }

    /// <summary>
    /// Nodes 1 to 3 hold the old record, of which the deletion failed, and 4 to 6 the new one.
    /// </summary>
    private static async Task<ScriptedSet> MovedAsync()
    {
        ScriptedSet set = await ScriptedSet.StartAsync(6, 2);
        using (await set.NewClient(custodians: set.Custodians(3, 4, 5)).EnrollAsync(Key, "old"))
        {
        }

        foreach (int i in new[] { 0, 1, 2 })
        {
            set[i].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Delete", "Retire");
        }

        using (EnrollResult changed = await set.NewClient(custodians: set.Custodians(0, 1, 2)).ChangeSecretAsync("old", "new"))
        {
            Assert.Equal(3, changed.StillHoldingOld.Length);
        }

        return set;
    }

    private sealed class Steps(Action<CustodyProgress> step) : IProgress<CustodyProgress>
    {
        public void Report(CustodyProgress value) => step(value);
    }
}
