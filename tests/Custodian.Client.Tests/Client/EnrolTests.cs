using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

public sealed class EnrolTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);
    private static readonly int[] All = [0, 1, 2, 3, 4];

    [Fact]
    public async Task Enrol_KeyOf60KiB_IsKept()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        byte[] large = RepeatableBytes.Of("large key", 60 * 1024);
        await set.EnrolAsync(large, "secret");

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(large));
    }

    [Fact]
    public async Task Enrol_KeyOf70KiB_IsRefusedBeforeAnythingIsSent()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        CustodianClient client = set.NewClient();

        Assert.Throws<KeyTooLargeException>(() => { _ = client.EnrollAsync(new byte[70 * 1024], "secret"); });
        Assert.All(set.Nodes, n => Assert.Empty(n.Script.Calls));
    }

    [Fact]
    public async Task Enrol_LabelThatDoesNotFitBesideTheKey_IsRefusedBeforeAnythingIsSent()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        CustodianClient client = set.NewClient();

        var refused = Assert.Throws<KeyTooLargeException>(
            () => { _ = client.EnrollAsync(new byte[60 * 1024], "secret", new EnrollOptions { Label = new string('x', 8192) }); });

        Assert.InRange(refused.Excess, 1, 8192);
        Assert.All(set.Nodes, n => Assert.Empty(n.Script.Calls));
    }

    [Fact]
    public async Task Enrol_EmptyKeyOrSecret_IsRefusedBeforeAnythingIsSent()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        CustodianClient client = set.NewClient();

        Assert.Throws<ArgumentException>(() => { _ = client.EnrollAsync([], "secret"); });
        var refused = Assert.Throws<UnsupportedSecretException>(() => { _ = client.EnrollAsync(Key, ""); });
        var broken = Assert.Throws<UnsupportedSecretException>(() => { _ = client.EnrollAsync(Key, "\ud800"); });

        Assert.Equal((SecretProblem.Empty, SecretProblem.UnpairedSurrogate), (refused.Problem, broken.Problem));
        Assert.All(set.Nodes, n => Assert.Empty(n.Script.Calls));
    }

    [Fact]
    public async Task Enrol_SecretInAnotherUnicodeForm_RecoversAllTheSame()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "caf\u00e9 \u2460");

        using RecoverResult recovered = await set.NewClient().RecoverAsync("cafe\u0301 1");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

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
    public async Task Enrol_OneNodeDown_IsRefusedAndLeavesNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set[4].StopAsync();

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "secret"));

        Assert.Equal(NodeCondition.Unreachable, refused.Nodes[set[4].Id].Condition);
        Assert.True(refused.IsTransient);
        Assert.All(set.Nodes, n => Assert.Equal(0, n.Script.Count("Prepare")));
    }

    [Fact]
    public async Task Enrol_OneNodeRefusesTheDeposit_DeletesWhatTheOthersStored()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set[2].Script.Refuse(RefusedCall.Because(RefusalReason.StorageUnavailable), "Deposit");

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "secret"));

        Assert.Equal(RefusalReason.StorageUnavailable, refused.Nodes[set[2].Id].Refusal!.Reason);
        Assert.All(All, i => Assert.Empty(set.At(i).Records));
        Assert.All(set.Nodes, n => Assert.Equal(0, n.Script.Count("Activate")));
    }

    [Fact]
    public async Task Enrol_DepositAnswerLost_IsSentAgainAndStoredOnce()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set[2].Script.LosesAnswer = method => method == "Deposit" && set[2].Script.Count("Deposit") == 1;

        using EnrollResult enrolled = await set.NewClient().EnrollAsync(Key, "secret");

        Assert.True(enrolled.IsComplete);
        Assert.Single(set.At(2).Records);
    }

    [Fact]
    public async Task Enrol_PartialAllowedAndOneNodeDown_IsEnrolledAtTheOthers()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set[4].StopAsync();

        using EnrollResult enrolled = await set.NewClient(o => o.AllowPartialEnrolment = true).EnrollAsync(Key, "secret");
        await set[0].StopAsync();
        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        await recovered.Settlement;
        Assert.Equal(4, enrolled.Active.Length);
        Assert.False(enrolled.IsComplete);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Enrol_PartialAllowedAndTwoNodesDown_IsRefused()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set[3].StopAsync();
        await set[4].StopAsync();

        await Assert.ThrowsAsync<EnrollmentRefusedException>(
            () => set.NewClient(o => o.AllowPartialEnrolment = true).EnrollAsync(Key, "secret"));
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

    [Theory]
    [InlineData("Describe")]
    [InlineData("Prepare")]
    [InlineData("Deposit")]
    public async Task Enrol_CancelledBeforeTheFirstActivate_LeavesNothing(string method)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using CancellationTokenSource cancelling = new();
        set[3].Script.Before = (called, _) => called == method ? cancelling.CancelAsync() : Task.CompletedTask;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => set.NewClient().EnrollAsync(Key, "secret", cancellation: cancelling.Token));

        Assert.All(set.Nodes, n => Assert.Equal(0, n.Script.Count("Activate")));
        Assert.All(All, i => Assert.Empty(set.At(i).Records));
    }

    [Fact]
    public async Task Enrol_CancelledAfterTheFirstActivate_GoesForward()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using CancellationTokenSource cancelling = new();
        set[3].Script.Before = (called, _) => called == "Activate" ? cancelling.CancelAsync() : Task.CompletedTask;

        using EnrollResult enrolled = await set.NewClient().EnrollAsync(Key, "secret", cancellation: cancelling.Token);

        Assert.True(enrolled.IsComplete);
    }

    [Fact]
    public async Task Enrol_FieldRefused_NamesTheFieldAndWhatItShouldBe()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set[1].Script.Refuse(RefusedCall.Because(RefusalReason.InvalidRequest, field: "envelope", expected: "285 to 65536 bytes"), "Deposit");

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "secret"));

        NodeRefusal refusal = refused.Nodes[set[1].Id].Refusal!;
        Assert.Equal(("envelope", "285 to 65536 bytes"), (refusal.Field, refusal.Expected));
    }

    [Fact]
    public async Task Enrol_RetiredNode_TakesNoPart()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 6);
        CustodianSet custodians = set.Custodians(retired: 5);

        using EnrollResult enrolled = await set.NewClient(custodians: custodians).EnrollAsync(Key, "secret");

        Assert.True(enrolled.IsComplete);
        Assert.DoesNotContain(set[5].Id, enrolled.Record.Participants);
        Assert.Empty(set.At(5).Records);
    }

    [Fact]
    public async Task Delete_WithTheOwnerKey_LeavesNothingAnywhere()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes ownerKey = await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient();

        DeleteResult deleted = await client.DeleteAsync(ownerKey);

        Assert.True(deleted.IsComplete);
        Assert.All(All, i => Assert.Empty(set.At(i).Records));
        await Assert.ThrowsAsync<RecordNotFoundException>(() => client.RecoverAsync("secret"));
        using EnrollResult again = await client.EnrollAsync(Key, "secret");
        Assert.Equal(2UL, again.Record.Generation);
    }

    [Fact]
    public async Task Delete_WithTheSecret_LeavesNothingAnywhere()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");

        DeleteResult deleted = await set.NewClient().DeleteAsync("secret");

        Assert.True(deleted.IsComplete);
        Assert.All(All, i => Assert.Empty(set.At(i).Records));
    }

    [Fact]
    public async Task Delete_OneNodeGone_NamesIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes ownerKey = await set.EnrolAsync(Key, "secret");
        await set[2].StopAsync();

        DeleteResult deleted = await set.NewClient().DeleteAsync(ownerKey);

        Assert.Equal(new[] { set[2].Id }, deleted.Remaining.ToArray());
        Assert.Equal(4, deleted.Empty.Length);
    }

    [Fact]
    public async Task Delete_WithAnotherKey_IsRefusedAndDeletesNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        using SecretBytes other = new(RepeatableBytes.Of("other owner", 32));

        await Assert.ThrowsAsync<OwnerKeyRejectedException>(() => set.NewClient().DeleteAsync(other));

        Assert.All(All, i => Assert.Single(set.At(i).Records));
    }

    [Fact]
    public async Task Dispose_WhileASettlementRuns_WaitsForIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "secret");
        TaskCompletionSource released = new();
        set[1].Script.Before = (method, _) => method == "Confirm" ? released.Task : Task.CompletedTask;
        CustodianClient client = set.NewClient();
        using RecoverResult recovered = await client.RecoverAsync("secret");

        Task disposing = client.DisposeAsync().AsTask();
        bool disposedEarly = disposing.IsCompleted;
        released.SetResult();
        await disposing;

        Assert.False(disposedEarly);
        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        Assert.Throws<ObjectDisposedException>(() => { _ = client.PrepareRecoveryAsync(); });
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
