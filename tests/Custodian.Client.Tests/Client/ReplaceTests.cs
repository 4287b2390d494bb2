using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>A new record in the place of one that the owner key, or a recovery, stands for.</summary>
public sealed class ReplaceTests
{
    private static readonly int[] All = [0, 1, 2, 3, 4];

    private static byte[] Key => DyingDevice.Key;

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
        await set.EnrolAndDieInAChangeAsync("Retire", 0);
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
        set.Heal();
        Assert.NotNull(set.At(2).In(Wire.RecordState.Pending));

        using EnrollResult replaced = await set.NewClient().ReplaceAsync(changed.OwnerKey, Key, "third");

        Assert.True(replaced.IsComplete);
        Assert.Equal(["third"], await set.WorkingSecretsAsync("old", "forgotten", "third"));
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
        set.Heal();

        using EnrollResult replaced = await set.NewClient().ReplaceAsync(enrolled.OwnerKey, Key, "second");

        Assert.True(replaced.IsComplete);
        Assert.Equal(["second"], await set.WorkingSecretsAsync("forgotten", "second"));
    }
}
