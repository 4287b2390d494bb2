using System.Globalization;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Custodian.Testing;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>What a node stands on goes away under it: the token's files, pages of the database, the file system, the newest state.</summary>
public sealed class LostGroundTests
{
    [Fact]
    [Trait("Effort", "Long")]
    public async Task Token_MovedAwayWhileServingInProcess_IsHsmUnavailableAndTheNodeStopsForItsSupervisor()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        foreach (string expected in (string[])["the HSM failed", "does not come back by itself", "the HSM's token"])
        {
            realm.Expected.Add(expected);
        }

        Expect.Success(await node.StopAsync());
        await node.StartAsync("hsm:isolation=in_process");
        using User user = await User.EnrolAsync(realm, node);
        string tokens = Path.Combine(node.Folder, "tokens");
        Directory.Move(tokens, tokens + ".away");
        WireRefusal refusal = await WireRefusal.OfAsync(user.Record.EvaluateAsync(user.Record.NewAttempt()));
        Assert.Equal("HSM_UNAVAILABLE", refusal.Reason);
        Assert.Equal(RecordState.Active, (await user.Record.StatusAsync()).State);
        Expect.ExitCode(1, await node.Process.WaitAsync());

        ProcessOutcome without = Expect.ExitCode(1, await node.RunAsync("serve"));
        Expect.Says("check that the module finds its configuration", without);
        Directory.Move(tokens + ".away", tokens);
        await node.StartAsync();
        await user.AssertRecoversAsync();
    }

    /// <summary>The residual risk that threat-model.md names first: nothing in a whole older database tells that it is one.</summary>
    [Fact]
    public async Task ResidualRisk_WholeOlderDatabasePutBackAsFiles_GivesItsAttemptsBackUnnoticed()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        using User user = await User.EnrolAsync(realm, node);
        await user.Record.EvaluateAsync(user.Record.NewAttempt());
        Expect.Success(await node.StopAsync());
        byte[] older = await File.ReadAllBytesAsync(node.DatabaseFile);
        await node.StartAsync();
        await user.Record.EvaluateAsync(user.Record.NewAttempt());
        await user.Record.EvaluateAsync(user.Record.NewAttempt());
        Assert.Equal(3U, (await user.Record.StatusAsync()).AttemptsUsed);
        Expect.Success(await node.StopAsync());
        await File.WriteAllBytesAsync(node.DatabaseFile, older);
        await node.StartAsync();

        Assert.Equal(1U, (await user.Record.StatusAsync()).AttemptsUsed);
        await user.AssertRecoversAsync();
        Expect.Success(await node.RunAsync("verify"));
    }

    [Fact]
    public async Task Start_DatabaseWithADamagedPage_ServesRightOrRefusesWithWhatToDo()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        realm.Expected.Add("custodian: ");
        realm.Expected.Add("does not authenticate");
        realm.Expected.Add("the database failed");
        realm.Expected.Add("takes no writes");
        realm.Expected.Add("the notice of a refused account");
        using User user = await User.EnrolAsync(realm, node);
        Expect.Success(await node.StopAsync());
        byte[] whole = await File.ReadAllBytesAsync(node.DatabaseFile);
        int[] pages = [.. Enumerable.Range(0, whole.Length / 4096)];
        var draws = new Draws("damaged pages of a node");
        int[] chosen = Effort.IsWhole ? pages : [0, 1, draws.Pick(pages)];
        foreach (int page in chosen)
        {
            byte[] damaged = [.. whole];
            draws.Bytes(512).CopyTo(damaged, (page * 4096) + (page == 0 ? 100 : 8 * draws.Next(400)));

            // Each from the same ground: a log of the try before would count its attempt here, too.
            File.Delete(node.DatabaseFile + "-wal");
            File.Delete(node.DatabaseFile + "-shm");
            await File.WriteAllBytesAsync(node.DatabaseFile, damaged);
            await ServesRightOrRefusesAsync(node, user, $"seed {Effort.Seed}, page {page + 1}");
        }

        File.Delete(node.DatabaseFile + "-wal");
        File.Delete(node.DatabaseFile + "-shm");
        await File.WriteAllBytesAsync(node.DatabaseFile, whole);
        await node.StartAsync();
        await user.AssertRecoversAsync();
    }

    [SmallDiskFact]
    public async Task Disk_FullWhileServing_RefusesWritesServesReadsAndGoesOnWhenThereIsRoom()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        realm.Expected.Add("the database failed, Full");
        realm.Expected.Add("can take no more");
        await using SmallDisk disk = await OnSmallDiskAsync(realm, node);
        using User user = await User.EnrolAsync(realm, node);
        disk.Fill();
        WireRefusal refusal = await FirstRefusalAsync(realm, node);
        Assert.Equal("STORAGE_UNAVAILABLE", refusal.Reason);
        RecordStatus status = await user.Record.StatusAsync();
        Assert.Equal((RecordState.Active, 0U), (status.State, status.AttemptsUsed));

        disk.MakeRoom();
        await user.AssertRecoversAsync();
        Expect.Success(await node.RunAsync("verify"));
        Expect.Success(await node.StopAsync());
    }

    [SmallDiskFact]
    public async Task Disk_ReadOnlyAtTheStart_IsRefusedWithWhatToDoAndServedOnceItIsWritable()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await using SmallDisk disk = await OnSmallDiskAsync(realm, node);
        using User user = await User.EnrolAsync(realm, node);
        Expect.Success(await node.StopAsync());
        await disk.SetReadOnlyAsync(true);
        ProcessOutcome refused = Expect.ExitCode(1, await node.RunAsync("serve"));
        Assert.DoesNotContain("this should not happen", refused.Error, StringComparison.Ordinal);
        Assert.Matches("read-only|writable", refused.Error);

        await disk.SetReadOnlyAsync(false);
        await node.StartAsync();
        await user.AssertRecoversAsync();
        Expect.Success(await node.StopAsync());
    }

    [FailingDiskFact]
    public async Task Disk_TurningReadOnlyWhileServing_StoresNothingHalfAndTheNodeStopsUntilItIsWritable()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        foreach (string expected in (string[])["the database failed", "outcome is unknown", "takes no writes", "destroyed key material"])
        {
            realm.Expected.Add(expected);
        }

        await using FailingDisk disk = await FailingDisk.MountAsync(realm.NewFile("disk"));
        await MoveAsync(node, disk.Folder);
        using User user = await User.EnrolAsync(realm, node);
        await user.Record.EvaluateAsync(user.Record.NewAttempt());
        await disk.FailAsync();
        WireRefusal refusal = await WireRefusal.OfAsync(user.Record.EvaluateAsync(user.Record.NewAttempt()));
        Assert.Equal("STORAGE_UNAVAILABLE", refusal.Reason);
        Expect.Says("the database failed while committing", Expect.ExitCode(1, await node.Process.WaitAsync()));

        await disk.RepairAsync();
        await node.StartAsync();
        Assert.InRange((await user.Record.StatusAsync()).AttemptsUsed, 1U, 2U);
        await user.AssertRecoversAsync();
        Expect.Success(await node.RunAsync("verify"));
        Expect.Success(await node.StopAsync());
    }

    private static async Task ServesRightOrRefusesAsync(NodeProcess node, User user, string what)
    {
        try
        {
            await node.StartAsync();
        }
        catch (InvalidOperationException refused)
        {
            Assert.True(refused.Message.Contains("ended with 1", StringComparison.Ordinal), $"{what}: {refused.Message}");
            Assert.True(refused.Message.Contains("custodian: ", StringComparison.Ordinal), $"{what}: {refused.Message}");
            Assert.False(refused.Message.Contains("this should not happen", StringComparison.Ordinal), $"{what}: {refused.Message}");
            return;
        }

        try
        {
            SoloRecord.Attempt attempt = user.Record.NewAttempt();
            EvaluateResponse answer = await user.Record.EvaluateAsync(attempt);
            Assert.True(user.Record.Mask.SequenceEqual(attempt.Blinded.MaskOf(answer.Evaluated)), what);
        }
        catch (Grpc.Core.RpcException refused)
        {
            Assert.True(WireRefusal.Of(refused).Reason is "STORAGE_UNAVAILABLE" or "HSM_UNAVAILABLE", $"{what}: {refused}");
        }
        finally
        {
            await node.KillAsync();
        }
    }

    /// <summary>Moves a node's database to a small file system, and starts it there.</summary>
    private static async Task<SmallDisk> OnSmallDiskAsync(Realm realm, NodeProcess node)
    {
        SmallDisk disk = await SmallDisk.MountAsync(2048, realm.NewFile("disk"));
        await MoveAsync(node, disk.Folder);
        return disk;
    }

    private static async Task MoveAsync(NodeProcess node, string folder)
    {
        Expect.Success(await node.StopAsync());
        string moved = Path.Combine(folder, "custodian.db");
        File.Copy(node.DatabaseFile, moved);
        using (FileStream file = File.Open(moved, FileMode.Open, FileAccess.ReadWrite))
        {
            // What the node is given is on the disk, as what it was given by init would be.
            file.Flush(flushToDisk: true);
        }

        node.Reconfigure(c => c["data"] = folder);
        await node.StartAsync();
    }

    private static async Task<WireRefusal> FirstRefusalAsync(Realm realm, NodeProcess node)
    {
        for (int i = 0; i < 100; i++)
        {
            try
            {
                using User user = await User.EnrolAsync(realm, node);
            }
            catch (Grpc.Core.RpcException refused)
            {
                return WireRefusal.Of(refused);
            }
        }

        throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"a full disk took {100} accounts"));
    }

    /// <summary>A user with a record at the one node.</summary>
    private sealed record User(SoloRecord Record, RawCaller Caller) : IDisposable
    {
        internal static async Task<User> EnrolAsync(Realm realm, NodeProcess node)
        {
            string subject = realm.NewSubject();
            var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, subject));
            try
            {
                return new User(await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject), caller);
            }
            catch
            {
                caller.Dispose();
                throw;
            }
        }

        internal async Task AssertRecoversAsync()
        {
            SoloRecord.Attempt attempt = Record.NewAttempt();
            EvaluateResponse answer = await Record.EvaluateAsync(attempt);
            Assert.Equal(Record.Mask, attempt.Blinded.MaskOf(answer.Evaluated));
            Assert.Equal(10U, (await Record.ConfirmAsync(attempt, answer.Sequence)).AttemptsRemaining);
        }

        public void Dispose()
        {
            Record.Dispose();
            Caller.Dispose();
        }
    }
}
