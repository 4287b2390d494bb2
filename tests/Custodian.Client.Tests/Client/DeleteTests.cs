using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>A record is taken away everywhere, by its owner alone.</summary>
public sealed class DeleteTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);
    private static readonly int[] All = [0, 1, 2, 3, 4];

    [Fact]
    public async Task Delete_WithTheOwnerKey_LeavesNothingAnywhere()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes ownerKey = await set.EnrolAsync(Key, "secret");
        CustodianClient client = set.NewClient();

        DeleteResult deleted = await client.DeleteAsync(ownerKey);

        Assert.True(deleted.IsComplete);
        Assert.All(All, i => Assert.Empty(set.At(i).Records));
        Assert.Empty((await Assert.ThrowsAsync<RecordNotFoundException>(() => client.RecoverAsync("secret"))).Remains);
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
    public async Task Delete_WithTheSecretInterruptedAfterFourNodes_LeavesAnotherToTheOwnerKeyWhichAPartialEnrolmentGoesRound()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using SecretBytes ownerKey = await set.EnrolAsync(Key, "secret");
        await using CustodianClient client = set.NewClient();
        set[4].Script.Refuse(RefusedCall.Because(RefusalReason.WrongState), "Delete");
        Assert.Equal(4, (await client.DeleteAsync("secret")).Empty.Length);
        set[4].Script.Before = (_, _) => Task.CompletedTask;

        var remains = await Assert.ThrowsAsync<RecordNotFoundException>(() => client.DeleteAsync("secret"));
        Assert.Equal(new[] { set[4].Id }, remains.Remains.ToArray());
        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => client.EnrollAsync(Key, "next"));
        Assert.Null(refused.RetryAfter);
        await using CustodianClient partial = set.NewClient(o => o.AllowPartialEnrolment = true);
        (await partial.EnrollAsync(Key, "next")).Dispose();
        using (RecoverResult recovered = await client.RecoverAsync("next"))
        {
            // A node's count that is read while the Confirm is on its way would be taken for somebody else's attempt.
            await recovered.Settlement;
            Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        }

        Assert.Equal(new[] { set[4].Id }, (await client.DeleteAsync(ownerKey)).Empty.ToArray());
        using EnrollResult changed = await client.ChangeSecretAsync("next", "last");
        Assert.True(changed.IsComplete);
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
}
