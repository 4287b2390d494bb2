using System.Globalization;
using System.Net;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;
using Microsoft.Data.Sqlite;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A node whose disk is full says so, keeps what it has promised, goes on reading, and is well again when there is room.</summary>
public sealed class FullDiskTests
{
    private const int RoomInPages = 40;
    private const int MostSubjects = 200;

    [Fact]
    public async Task Deposit_DatabaseFull_IsStorageUnavailableAndNothingAcknowledgedIsLost()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        realm.Expected.Add("refused: the database failed, Full");
        realm.Expected.Add("the database failed, Full, and the node is not ready until a trial write succeeds");
        Expect.Success(await node.StopAsync());
        await node.StartAsync($"database:max_pages={(Pages(node) + RoomInPages).ToString(CultureInfo.InvariantCulture)}");
        List<(SoloRecord Record, RawCaller Caller)> acknowledged = [];
        try
        {
            WireRefusal refusal = await FillAsync(realm, acknowledged);

            Assert.Equal((StatusCode.Unavailable, "STORAGE_UNAVAILABLE"), (refusal.Status, refusal.Reason));
            Assert.NotEmpty(acknowledged);
            await AllAreActiveAsync(acknowledged);

            Expect.Success(await node.StopAsync());
            await node.StartAsync();
            await AllAreActiveAsync(acknowledged);
            foreach ((SoloRecord record, _) in acknowledged)
            {
                SoloRecord.Attempt attempt = record.NewAttempt();
                Assert.Equal(record.Mask, attempt.Blinded.MaskOf((await record.EvaluateAsync(attempt)).Evaluated));
            }

            (SoloRecord after, RawCaller caller) = await EnrolAsync(realm);
            acknowledged.Add((after, caller));
        }
        finally
        {
            acknowledged.ForEach(a => a.Record.Dispose());
            acknowledged.ForEach(a => a.Caller.Dispose());
        }
    }

    [SmallDiskFact]
    public async Task Readiness_DiskFullAndThenNot_SaysWhyAndComesBackByItself()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        realm.Expected.Add("the database failed, Full");
        Expect.Success(await node.StopAsync());
        await using SmallDisk disk = await SmallDisk.MountAsync(2048, realm.NewFile("disk"));
        File.Copy(node.DatabaseFile, Path.Combine(disk.Folder, "custodian.db"));
        node.Reconfigure(c => c["data"] = disk.Folder);
        await node.StartAsync();
        using HttpClient http = new(new SocketsHttpHandler { SslOptions = RawCaller.Trust(realm.CaFile) });
        var readyz = new Uri($"{node.Address}/readyz");
        Assert.Equal("ready\n", await http.GetStringAsync(readyz));
        List<(SoloRecord Record, RawCaller Caller)> acknowledged = [];
        try
        {
            disk.Fill();
            await FillAsync(realm, acknowledged);

            using HttpResponseMessage unready = await http.GetAsync(readyz);
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "the database is full\n"), (unready.StatusCode, await unready.Content.ReadAsStringAsync()));
            Assert.Contains("the node is not ready until a trial write succeeds", node.Logs, StringComparison.Ordinal);

            disk.MakeRoom();
            await UntilReadyAsync(http, readyz);
            Assert.Contains("the database takes writes again", node.Logs, StringComparison.Ordinal);
            acknowledged.Add(await EnrolAsync(realm));
            Expect.Success(await node.StopAsync());
        }
        finally
        {
            acknowledged.ForEach(a => a.Record.Dispose());
            acknowledged.ForEach(a => a.Caller.Dispose());
        }
    }

    private static async Task UntilReadyAsync(HttpClient http, Uri readyz)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        for (bool ready = false; !ready; await poll.WaitForNextTickAsync(patience.Token))
        {
            using HttpResponseMessage answer = await http.GetAsync(readyz, patience.Token);
            ready = answer.StatusCode == HttpStatusCode.OK;
        }
    }

    /// <summary>Enrols until the node refuses.</summary>
    private static async Task<WireRefusal> FillAsync(Realm realm, List<(SoloRecord Record, RawCaller Caller)> acknowledged)
    {
        try
        {
            while (acknowledged.Count < MostSubjects)
            {
                acknowledged.Add(await EnrolAsync(realm));
            }
        }
        catch (RpcException refused)
        {
            return WireRefusal.Of(refused);
        }

        throw new InvalidOperationException($"{MostSubjects} records fit into {RoomInPages} pages");
    }

    private static async Task<(SoloRecord Record, RawCaller Caller)> EnrolAsync(Realm realm)
    {
        NodeProcess node = realm.Nodes[0];
        string subject = realm.NewSubject();
        var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, subject)) { Subject = subject };
        try
        {
            return (await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, subject), caller);
        }
        catch
        {
            caller.Dispose();
            throw;
        }
    }

    private static async Task AllAreActiveAsync(List<(SoloRecord Record, RawCaller Caller)> acknowledged)
    {
        foreach ((SoloRecord record, _) in acknowledged)
        {
            Assert.Equal(RecordState.Active, (await record.StatusAsync()).State);
        }
    }

    private static long Pages(NodeProcess node)
    {
        using var connection = new SqliteConnection($"Data Source={node.DatabaseFile};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA page_count";
        return (long)command.ExecuteScalar()!;
    }
}
