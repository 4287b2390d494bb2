using Custodian.Protocol;

namespace Custodian.Client.Tests;

/// <summary>A change of the secret on a device that dies in it, and what comes after.</summary>
public sealed class InterruptedChangeTests
{
    private static readonly int[] All = [0, 1, 2, 3, 4];

    private static byte[] Key => DyingDevice.Key;

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
            set.Heal();
            await set.EnrolAndDieInAChangeAsync(step, calls);

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
        await set.EnrolAndDieInAChangeAsync("Retire", 0);

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
        await set.EnrolAndDieInAChangeAsync("Activate", 2);

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
        await set.EnrolAndDieInAChangeAsync("Activate", 2);
        set[0].Script.Refuse(RefusedCall.Because(RefusalReason.StorageUnavailable), "Confirm");
        set[1].Script.Refuse(RefusedCall.Because(RefusalReason.StorageUnavailable), "Confirm");

        using RecoverResult recovered = await set.NewClient().RecoverAsync("new");

        Assert.Empty((await recovered.Settlement).Retired);
        Assert.All(All, i => Assert.Equal(2, set.At(i).Records.Count));
    }

    /// <summary>A change that died when two of five nodes had retired the old record: the old secret still opens it at the other three.</summary>
    [Fact]
    public async Task ChangeSecret_OldRecordIsGoneFromSomeNodes_SaysThatTheNewSecretIsTheOneToUse()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAndDieInAChangeAsync("Retire", 2);

        EnrollmentRefusedException refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().ChangeSecretAsync("old", "newest"));
        using EnrollResult changed = await set.NewClient().ChangeSecretAsync("new", "newest");

        Assert.Equal((true, false), (refused.IsOfReplacedRecord, refused.IsTransient));
        Assert.True(changed.IsComplete);
        Assert.All(All, i => Assert.Single(set.At(i).Records));
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
