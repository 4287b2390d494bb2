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

    [Theory]
    [InlineData("Describe")]
    [InlineData("Prepare")]
    [InlineData("Deposit")]
    public async Task Enrol_CancelledBeforeTheFirstActivate_LeavesNothing(string method)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using CancellationTokenSource cancelling = new();
        set[3].Script.Before = async (called, _) =>
        {
            // A Deposit that its node has not begun with would come behind the Delete.
            while (called == "Deposit" && All.Any(i => i != 3 && set.At(i).Records.Count == 0))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, CancellationToken.None);
            }

            if (called == method)
            {
                await cancelling.CancelAsync();
            }
        };

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
}
