using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>Enrolments where there is a record already, in effect or on its way, of another device or one that was interrupted.</summary>
public sealed class EnrolBesideAnotherTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);
    private static readonly int[] All = [0, 1, 2, 3, 4];

    [Fact]
    public async Task Enrol_Twice_IsRefusedAndTheFirstRecordStays()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");

        var refused = await Assert.ThrowsAsync<AlreadyEnrolledException>(() => set.NewClient().EnrollAsync([1], "other"));

        Assert.Equal(1UL, refused.Generation);
        Assert.All(All, i => Assert.Equal(refused.Record, Assert.Single(set.At(i).Records).Header.RecordId));
    }

    /// <summary>The survey came to the other nodes before the first device's Deposits did, and to one after its Activate.</summary>
    [Fact]
    public async Task Enrol_OneNodeAloneShowsTheRecordOfAnotherDevice_SaysThatTheUserIsEnrolled()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes owner = await set.EnrolAsync([1], "first");
        foreach (ScriptedNode node in set.Nodes.Where(n => n != set[2]))
        {
            int asked = 0;
            node.Script.Describe = shown =>
            {
                if (asked++ == 0)
                {
                    shown.Records.Clear();
                }
            };
        }

        await Assert.ThrowsAsync<AlreadyEnrolledException>(() => set.NewClient().EnrollAsync([1], "second"));
    }

    [Fact]
    public async Task Enrol_OneNodeKeptAnOldRecord_IsRefusedAndTheNodeNamed()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes ownerKey = await set.EnrolAsync(Key, "secret");
        set[3].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Delete");
        CustodianClient client = set.NewClient();
        await client.DeleteAsync(ownerKey);

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => client.EnrollAsync(Key, "other"));

        Assert.Contains("owner key is not known", refused.Nodes[set[3].Id].Explanation, StringComparison.Ordinal);
        Assert.All(set.Nodes, n => Assert.Equal(1, n.Script.Count("Prepare")));
    }

    [Fact]
    public async Task Enrol_AnotherEnrolmentPending_SaysWhenToComeAgain()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Rules.PendingHold = TimeSpan.FromSeconds(60);
            node.Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");
        }

        using EnrollResult first = await set.NewClient().EnrollAsync(Key, "secret");
        set[4].Script.Refuse(RefusedCall.Because(RefusalReason.PendingExists, TimeSpan.FromDays(3000)), "Deposit");
        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(
            () => set.NewClient().EnrollAsync(Key, "other", new EnrollOptions { ReplacePending = true }));
        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        await recovered.Settlement;
        Assert.Empty(first.Active);
        Assert.Equal(TimeSpan.FromSeconds(60), refused.RetryAfter);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.All(All, i => Assert.NotNull(set.At(i).In(Wire.RecordState.Active)));
    }

    [Fact]
    public async Task Enrol_ActivateRefusedEverywhere_RecoveryPutsTheRecordIntoEffect()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Refuse(RefusedCall.Because(RefusalReason.StorageUnavailable), "Activate");
        }

        using EnrollResult enrolled = await set.NewClient().EnrollAsync(Key, "secret");
        CheckResult check = await set.NewClient().CheckAsync("secret");

        Assert.False(enrolled.IsComplete);
        Assert.Equal(5, enrolled.Stored.Length);
        Assert.Equal(5, check.Settlement.Confirmed.Length);
        Assert.All(All, i => Assert.NotNull(set.At(i).In(Wire.RecordState.Active)));
    }

    [Fact]
    public async Task Enrol_EarlierOneIsStoredAndInEffectNowhere_IsRefusedAndTheEarlierOneRecovers()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        using EnrollResult first = await EnrolWithoutActivateAsync(set);

        var refused = await Assert.ThrowsAsync<AlreadyEnrolledException>(() => set.NewClient().EnrollAsync([1], "second"));
        using RecoverResult recovered = await set.NewClient().RecoverAsync("first");

        await recovered.Settlement;
        Assert.False(first.IsInEffect);
        Assert.False(first.IsComplete);
        Assert.True(refused.IsPending);
        Assert.Equal(first.Record.Id, refused.Record);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Enrol_ReplacePending_DisplacesWhatIsInEffectNowhere()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        using EnrollResult first = await EnrolWithoutActivateAsync(set);
        EnrollOptions options = new() { ReplacePending = true };

        using EnrollResult second = await set.NewClient().EnrollAsync(Key, "second", options);
        var refused = await Assert.ThrowsAsync<AlreadyEnrolledException>(() => set.NewClient().EnrollAsync([1], "third", options));

        Assert.True(second.IsComplete);
        Assert.True(second.IsInEffect);
        Assert.False(refused.IsPending);
        Assert.Equal(second.Record.Id, refused.Record);
    }

    [Fact]
    public async Task Enrol_EarlierOneIsStoredAtFewerThanTheThreshold_DisplacesIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        using EnrollResult first = await EnrolWithoutActivateAsync(set);
        foreach (int i in new[] { 0, 1 })
        {
            set.At(i).Records.Clear();
        }

        using EnrollResult second = await set.NewClient().EnrollAsync(Key, "second");

        Assert.True(second.IsComplete);
    }

    [Fact]
    public async Task Enrol_EarlierOneIsOnItsWayAndOthersRefuse_DisplacesNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        using EnrollResult first = await EnrolWithoutActivateAsync(set);
        foreach (int i in new[] { 0, 1 })
        {
            set.At(i).Records.Clear();
        }

        set[1].Script.Refuse(RefusedCall.Because(RefusalReason.PendingExists, TimeSpan.FromSeconds(30)), "Deposit");

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "second"));

        Assert.Equal(TimeSpan.FromSeconds(30), refused.RetryAfter);
        Assert.Equal(NodeCondition.NotAsked, refused.Nodes[set[2].Id].Condition);
        Assert.Equal(first.Record.Id, Assert.Single(set.At(2).Records).Header.RecordId);
        Assert.Empty(set.At(0).Records);
    }

    [Fact]
    public async Task Enrol_CancelledBeforeItDisplacesAnything_LeavesNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        using EnrollResult first = await EnrolWithoutActivateAsync(set);
        set.At(0).Records.Clear();
        using CancellationTokenSource cancelled = new();
        set[0].Script.LosesAnswer = method =>
        {
            if (method == "Deposit")
            {
                cancelled.Cancel();
            }

            return false;
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => set.NewClient().EnrollAsync(
            Key, "second", new EnrollOptions { ReplacePending = true }, cancellation: cancelled.Token));

        Assert.Equal(1, set[0].Script.Count("Delete"));
        Assert.Empty(set.At(0).Records);
        Assert.All([1, 2], i => Assert.Equal(first.Record.Id, Assert.Single(set.At(i).Records).Header.RecordId));
    }

    [Fact]
    public async Task Enrol_NoEarlierOneGivesWay_LeavesNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        using EnrollResult first = await EnrolWithoutActivateAsync(set);
        set.At(0).Records.Clear();
        foreach (int i in new[] { 1, 2 })
        {
            set[i].Rules.PendingHold = TimeSpan.FromSeconds(60);
        }

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(
            () => set.NewClient().EnrollAsync(Key, "second", new EnrollOptions { ReplacePending = true }));

        Assert.NotNull(refused.RetryAfter);
        Assert.Empty(set.At(0).Records);
        Assert.All([1, 2], i => Assert.Equal(first.Record.Id, Assert.Single(set.At(i).Records).Header.RecordId));
    }

    [Fact]
    public async Task Enrol_DisplacedBeforeItsActivatesCome_DoesNotReportSuccess()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        foreach (int i in new[] { 1, 2 })
        {
            set[i].Script.Refuse(RefusedCall.Because(RefusalReason.RecordDestroyed), "Activate");
        }

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "secret"));

        Assert.Equal(RefusalReason.RecordDestroyed, refused.Nodes[set[1].Id].Refusal!.Reason);
    }

    [Fact]
    public async Task Enrol_OneNodeSaysPendingAndAnotherIsLost_DoesNotSayThatWaitingHelps()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set[0].Script.Refuse(RefusedCall.Because(RefusalReason.PendingExists, TimeSpan.FromSeconds(30)), "Deposit");
        set[1].Script.Refuse(RefusedCall.Because(RefusalReason.StaleGeneration), "Deposit");

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "secret"));

        Assert.Null(refused.RetryAfter);
    }

    private static async Task<EnrollResult> EnrolWithoutActivateAsync(ScriptedSet set)
    {
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");
        }

        EnrollResult enrolled = await set.NewClient().EnrollAsync(Key, "first");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (_, _) => Task.CompletedTask;
        }

        return enrolled;
    }
}
