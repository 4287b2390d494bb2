using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

public sealed class ChangeTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);
    private static readonly int[] All = [0, 1, 2, 3, 4];

    [Fact]
    public async Task ChangeSecret_AllNodesThere_OnlyTheNewSecretRecovers()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        CustodianClient client = set.NewClient();

        using EnrollResult changed = await client.ChangeSecretAsync("old", "new");
        await Assert.ThrowsAsync<WrongSecretException>(() => client.RecoverAsync("old"));
        using RecoverResult recovered = await client.RecoverAsync("new");

        await recovered.Settlement;
        Assert.True(changed.IsComplete);
        Assert.Equal(2UL, changed.Record.Generation);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.Equal("test key", recovered.Label);
        Assert.All(All, i => Assert.Single(set.At(i).Records));
    }

    [Fact]
    public async Task ChangeSecret_WrongOldSecret_ChangesNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");

        await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().ChangeSecretAsync("guess", "new"));

        Assert.All(set.Nodes, n => Assert.Equal(1, n.Script.Count("Prepare")));
    }

    [Fact]
    public async Task ChangeSecret_OneNodeDown_IsRefusedAndTheOldSecretStays()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        await set[1].StopAsync();

        await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().ChangeSecretAsync("old", "new"));
        using RecoverResult recovered = await set.NewClient().RecoverAsync("old");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    /// <summary>
    /// The device dies after the first k calls of a change have reached a node, for every k: afterwards the old or the new secret
    /// recovers, and a change after that works.
    /// </summary>
    [Theory]
    [InlineData("Prepare")]
    [InlineData("Deposit")]
    [InlineData("Activate")]
    [InlineData("Retire")]
    public async Task ChangeSecret_DeviceDiesInAStep_OldOrNewSecretRecoversAndChangingAgainWorks(string step)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        for (int calls = 0; calls <= 4; calls++)
        {
            set.Subject = $"user-{calls}";
            Heal(set);
            await set.EnrolAsync(Key, "old");
            DieAt(set, step, calls);
            await ChangeOnADyingDeviceAsync(set);
            Heal(set);

            string secret = await WorkingSecretAsync(set);
            using EnrollResult again = await set.NewClient().ChangeSecretAsync(secret, "newest");
            using RecoverResult recovered = await set.NewClient().RecoverAsync("newest");

            await recovered.Settlement;
            Assert.True(recovered.PrivateKey.FixedTimeEquals(Key), $"after {calls} calls of {step}");
            bool newIsHeld = step is "Activate" or "Retire" || (step is "Deposit" && calls >= set.Threshold);
            Assert.Equal(newIsHeld ? "new" : "old", secret);
            Assert.True(again.IsComplete, $"after {calls} calls of {step}: {string.Join("; ", again.Nodes)}");
            Assert.All(All, i => Assert.Single(set.At(i).Records));
        }
    }

    [Fact]
    public async Task Recover_ChangeInterruptedAfterAllActivates_FallsBackToTheOldSecret()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "old");
        DieAt(set, "Retire", 0);
        await ChangeOnADyingDeviceAsync(set);
        Heal(set);

        using RecoverResult withOld = await set.NewClient().RecoverAsync("old");
        await withOld.Settlement;
        using RecoverResult withNew = await set.NewClient().RecoverAsync("new");
        SettlementReport settled = await withNew.Settlement;

        Assert.True(withOld.IsOlderRecord);
        Assert.False(withNew.IsOlderRecord);
        Assert.True(withOld.PrivateKey.FixedTimeEquals(Key) && withNew.PrivateKey.FixedTimeEquals(Key));
        Assert.Equal(5, settled.Retired.Length);
        Assert.All(All, i => Assert.Single(set.At(i).Records));
    }

    [Fact]
    public async Task Recover_ChangeInterruptedAmongTheActivates_NewSecretFinishesTheChange()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        DieAt(set, "Activate", 2);
        await ChangeOnADyingDeviceAsync(set);
        Heal(set);

        using RecoverResult recovered = await set.NewClient().RecoverAsync("new");
        SettlementReport settled = await recovered.Settlement;

        Assert.Equal(5, settled.Retired.Length);
        Assert.All(All, i => Assert.Equal(2UL, Assert.Single(set.At(i).Records).Header.Generation));
        await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("old"));
    }

    [Fact]
    public async Task Recover_TooFewHaveActivated_RetiresNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        DieAt(set, "Activate", 2);
        await ChangeOnADyingDeviceAsync(set);
        Heal(set);
        set[0].Script.Refuse(RefusedCall.Because(RefusalReason.StorageUnavailable), "Confirm");
        set[1].Script.Refuse(RefusedCall.Because(RefusalReason.StorageUnavailable), "Confirm");

        using RecoverResult recovered = await set.NewClient().RecoverAsync("new");

        Assert.Empty((await recovered.Settlement).Retired);
        Assert.All(All, i => Assert.Equal(2, set.At(i).Records.Count));
    }

    /// <summary>Whatever the two devices get in each other's way, some secret that one of them set, or the old one, recovers.</summary>
    [Fact]
    public async Task ChangeSecret_TwoDevicesAtOnce_OneOfTheSecretsRecovers()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Rules.PendingHold = TimeSpan.FromSeconds(60);
        }

        for (int round = 0; round < 4; round++)
        {
            set.Subject = $"user-{round}";
            await set.EnrolAsync(Key, "old");

            await Task.WhenAll(TryChangeAsync(set, "a"), TryChangeAsync(set, "b"));

            Assert.NotEmpty(await WorkingSecretsAsync(set, "a", "b", "old"));
        }
    }

    [Fact]
    public async Task ChangeSecret_NodeMissedAGeneration_IsBroughtForwardWithItsFormerOwnersKey()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "first");
        set[4].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Describe", "Prepare", "Delete");
        CustodianClient partial = set.NewClient(o => o.AllowPartialEnrolment = true);
        using EnrollResult second = await partial.ChangeSecretAsync("first", "second");
        Heal(set);

        using EnrollResult third = await set.NewClient().ChangeSecretAsync("second", "third");

        Assert.Equal(new[] { set[4].Id }, second.StillHoldingOld.ToArray());
        Assert.True(third.IsComplete);
        Assert.All(All, i => Assert.Equal(3UL, Assert.Single(set.At(i).Records).Header.Generation));
    }

    [Fact]
    public async Task ChangeSecret_NodeMissedTheChangeAndIsBackInTime_HasItsOldRecordDeleted()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "first");
        set[4].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Prepare");

        using EnrollResult second = await set.NewClient(o => o.AllowPartialEnrolment = true).ChangeSecretAsync("first", "second");

        Assert.Empty(second.StillHoldingOld);
        Assert.Empty(set.At(4).Records);
    }

    [Fact]
    public async Task Replace_SetHasOtherNodes_MovesTheRecordAndDeletesItAtTheRetiredNode()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 6);
        CustodianSet before = set.Custodians(retired: 5);
        CustodianSet after = set.Custodians(retired: 0);
        using EnrollResult enrolled = await set.NewClient(custodians: before).EnrollAsync(Key, "secret");

        using RecoverResult recovered = await set.NewClient(custodians: after).RecoverAsync("secret");
        await recovered.Settlement;
        using EnrollResult moved = await set.NewClient(custodians: after).ReplaceAsync(recovered.OwnerKey, Key, "secret");
        using RecoverResult again = await set.NewClient(custodians: after).RecoverAsync("secret");

        await again.Settlement;
        Assert.True(moved.IsComplete);
        Assert.Empty(set.At(0).Records);
        Assert.Single(set.At(5).Records);
        Assert.True(again.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Replace_AfterARecoveryThatFellBack_PutsTheNewRecordInThePlaceOfBoth()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "old");
        DieAt(set, "Retire", 0);
        await ChangeOnADyingDeviceAsync(set);
        Heal(set);
        CustodianClient client = set.NewClient();
        using RecoverResult recovered = await client.RecoverAsync("old");

        await Assert.ThrowsAsync<OwnerKeyRejectedException>(() => client.ReplaceAsync(recovered.OwnerKey, Key, "newest"));
        using EnrollResult replaced = await client.ReplaceAsync(recovered, Key, "newest");
        using RecoverResult again = await set.NewClient().RecoverAsync("newest");

        await again.Settlement;
        Assert.True(recovered.IsOlderRecord);
        Assert.True(replaced.IsComplete);
        Assert.True(again.PrivateKey.FixedTimeEquals(Key));
        Assert.All(All, i => Assert.Equal(3UL, Assert.Single(set.At(i).Records).Header.Generation));
    }

    /// <summary>A change that died when two of five nodes had retired the old record: the old secret still opens it at the other three.</summary>
    [Fact]
    public async Task ChangeSecret_OldRecordIsGoneFromSomeNodes_SaysThatTheNewSecretIsTheOneToUse()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "old");
        DieAt(set, "Retire", 2);
        await ChangeOnADyingDeviceAsync(set);
        Heal(set);

        EnrollmentRefusedException refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().ChangeSecretAsync("old", "newest"));
        using EnrollResult changed = await set.NewClient().ChangeSecretAsync("new", "newest");

        Assert.True(refused.IsOfReplacedRecord);
        Assert.True(changed.IsComplete);
        Assert.All(All, i => Assert.Single(set.At(i).Records));
    }

    [Fact]
    public async Task Replace_AnotherDeviceWasFaster_IsRefused()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        CustodianClient client = set.NewClient();
        using RecoverResult recovered = await client.RecoverAsync("old");
        await recovered.Settlement;
        using EnrollResult other = await set.NewClient().ChangeSecretAsync("old", "other");

        await Assert.ThrowsAsync<OwnerKeyRejectedException>(() => client.ReplaceAsync(recovered, Key, "newest"));
    }

    [Fact]
    public async Task Replace_WithTheKeyOfAnEarlierRecord_IsRefused()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes firstOwner = await set.EnrolAsync(Key, "first");
        using EnrollResult second = await set.NewClient().ReplaceAsync(firstOwner, Key, "second");

        await Assert.ThrowsAsync<OwnerKeyRejectedException>(() => set.NewClient().ReplaceAsync(firstOwner, Key, "third"));
    }

    [Fact]
    public async Task Replace_WithTheOwnerKeyOfAChangeThatOneNodeHasNotInEffect_GoesThrough()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "old");
        set[2].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");
        using EnrollResult changed = await set.NewClient().ChangeSecretAsync("old", "forgotten");
        Heal(set);
        Assert.NotNull(set.At(2).In(Wire.RecordState.Pending));

        using EnrollResult replaced = await set.NewClient().ReplaceAsync(changed.OwnerKey, Key, "third");

        Assert.True(replaced.IsComplete);
        Assert.Equal(["third"], await WorkingSecretsAsync(set, "old", "forgotten", "third"));
    }

    [Fact]
    public async Task Replace_WithTheOwnerKeyOfARecordInEffectNowhere_GoesThrough()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        set.ExpectedWarnings.Add("Attempts at record");
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Rules.PendingHold = TimeSpan.FromSeconds(60);
            node.Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");
        }

        using EnrollResult enrolled = await set.NewClient().EnrollAsync(Key, "forgotten");
        Heal(set);

        using EnrollResult replaced = await set.NewClient().ReplaceAsync(enrolled.OwnerKey, Key, "second");

        Assert.True(replaced.IsComplete);
        Assert.Equal(["second"], await WorkingSecretsAsync(set, "forgotten", "second"));
    }

    [Fact]
    public async Task ChangeSecret_AnswersToADepositLost_PutsItIntoEffectThereAllTheSame()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        set[4].Script.LosesAnswer = method => method == "Deposit";

        using EnrollResult changed = await set.NewClient(o => o.AllowPartialEnrolment = true).ChangeSecretAsync("old", "new");

        Assert.Contains(set[4].Id, changed.Stored);
        Assert.True(changed.IsComplete);
        Assert.Equal(0, set[4].Script.Count("Delete"));
        Assert.Equal(changed.Record.Id, Assert.Single(set.At(4).Records).Header.RecordId);
    }

    [Fact]
    public async Task ChangeSecret_AnswersToADepositAndActivatesLost_DeletesNothingThere()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        await set.EnrolAsync(Key, "old");
        set[4].Script.LosesAnswer = method => method == "Deposit";
        set[4].Script.Refuse(RefusedCall.Because(RefusalReason.HsmUnavailable), "Activate");

        using EnrollResult changed = await set.NewClient(o => o.AllowPartialEnrolment = true).ChangeSecretAsync("old", "new");

        Assert.Equal(0, set[4].Script.Count("Delete"));
        Assert.Equal([set[4].Id], changed.StillHoldingOld.ToArray());
        Assert.Equal(changed.Record.Id, set.At(4).In(Wire.RecordState.Pending)!.Header.RecordId);
    }

    /// <summary>After that many calls of the step have taken effect, no call reaches any node.</summary>
    private static void DieAt(ScriptedSet set, string step, int calls)
    {
        int made = 0;
        bool isDead = false;
        Lock counting = new();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (method, _) =>
            {
                lock (counting)
                {
                    isDead |= method == step && made++ >= calls;
                    return isDead ? throw RefusedCall.Because(RefusalReason.StorageUnavailable) : Task.CompletedTask;
                }
            };
        }
    }

    private static void Heal(ScriptedSet set)
    {
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (_, _) => Task.CompletedTask;
        }
    }

    private static async Task ChangeOnADyingDeviceAsync(ScriptedSet set)
    {
        try
        {
            using EnrollResult changed = await set.NewClient(o => o.MaxRetries = 0).ChangeSecretAsync("old", "new");
        }
        catch (CustodyException)
        {
            // What the nodes hold afterwards is what the test is about.
        }
    }

    private static async Task TryChangeAsync(ScriptedSet set, string secret)
    {
        try
        {
            using EnrollResult changed = await set.NewClient().ChangeSecretAsync("old", secret);
        }
        catch (CustodyException)
        {
            // The other device was first.
        }
    }

    private static async Task<List<string>> WorkingSecretsAsync(ScriptedSet set, params string[] secrets)
    {
        List<string> working = [];
        foreach (string secret in secrets)
        {
            try
            {
                using RecoverResult recovered = await set.NewClient().RecoverAsync(secret);
                await recovered.Settlement;
                Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
                working.Add(secret);
            }
            catch (WrongSecretException)
            {
                // This one lost.
            }
        }

        return working;
    }

    private static async Task<string> WorkingSecretAsync(ScriptedSet set)
    {
        try
        {
            await set.NewClient().CheckAsync("new");
            return "new";
        }
        catch (WrongSecretException)
        {
            await set.NewClient().CheckAsync("old");
            return "old";
        }
    }
}
