using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>A change of the secret on a device that lives.</summary>
public sealed class ChangeTests
{
    private static readonly int[] All = [0, 1, 2, 3, 4];

    private static byte[] Key => DyingDevice.Key;

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

            Assert.NotEmpty(await set.WorkingSecretsAsync("a", "b", "old"));
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
        set.Heal();

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
}
