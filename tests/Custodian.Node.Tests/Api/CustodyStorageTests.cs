using Custodian.Node.Api.Health;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Tests.Api;

/// <summary>What callers see of a database that is full, or was edited behind the node's back.</summary>
public sealed class CustodyStorageTests
{
    [Fact]
    public async Task Deposit_DatabaseFull_IsStorageUnavailableAndReadsGoOn()
    {
        await using var disposed = await RunAsync(new TestNode { MaxPages = 60 });
        TestNode node = disposed.Node;
        TestUser first = node.NewUser();
        ClientRecord stored = await first.EnrolAsync();
        int before = (await first.AuditedAsync()).Count;

        (TestUser user, Refused refused) = await FillAsync(node);

        Assert.Equal(("STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE", StatusCode.Unavailable), (refused.Reason, refused.Text, refused.Status));
        Assert.Empty((await user.DescribeAsync()).Records);
        Assert.Equal(stored.Header.Bytes.ToArray(), (await first.DescribeAsync()).Records[0].Header.ToByteArray());
        Assert.Equal(before, (await first.AuditedAsync()).Count);
        IReadOnlyList<string> warnings = node.Log.TakeWarnings();
        Assert.Equal(3, warnings.Count);
        Assert.All(warnings, w => Assert.Contains("the database failed, Full", w, StringComparison.Ordinal));
        Assert.Contains("the node is not ready", warnings[0], StringComparison.Ordinal);
        Assert.Equal("the database is full", node.Readiness.Current.Faults[ReadinessPart.Storage]);
        Assert.Contains(refused.RequestId, warnings[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evaluate_ChargesErasedBehindTheNodesBack_IsStorageUnavailableAndLoggedAsTampered()
    {
        await using var disposed = await RunAsync(new TestNode());
        TestNode node = disposed.Node;
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        await user.EvaluateAsync(record, AttemptId.Draw());
        await EditAsync(node, "UPDATE records SET charges = x''");

        Refused evaluate = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token));
        Refused describe = await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), user.Token));

        Assert.Equal(("STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE"), (evaluate.Reason, describe.Reason));
        IReadOnlyList<string> warnings = node.Log.TakeWarnings();
        Assert.Equal(2, warnings.Count);
        Assert.All(warnings, w => Assert.StartsWith("Critical: ", w, StringComparison.Ordinal));
        TestUser other = node.NewUser();
        ClientRecord unharmed = await other.EnrolAsync();
        Assert.Equal(RecordState.Active, (await other.StoredAsync()).Find(unharmed.Id)!.State);
    }

    private static async Task<(TestUser User, Refused Refused)> FillAsync(TestNode node)
    {
        while (true)
        {
            TestUser user = node.NewUser();
            ClientRecord record = new(1, account: user.Account, envelopeSize: 65536);
            PrepareResponse prepared = await user.Node.PrepareAsync(record.Prepare(), user.Token);
            try
            {
                await user.Node.DepositAsync(record.DepositMessage(prepared.SealedKey), user.Token);
            }
            catch (RpcException)
            {
                return (user, await Refused.ByAsync(user.Node.DepositAsync(record.DepositMessage(prepared.SealedKey), user.Token)));
            }
        }
    }

    private static async Task EditAsync(TestNode node, string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={node.DatabaseFile};Pooling=False");
        await connection.OpenAsync();
        await using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.Equal(1, await command.ExecuteNonQueryAsync());
    }

    private static async Task<Running> RunAsync(TestNode node)
    {
        await node.InitializeAsync();
        return new Running(node);
    }

    private sealed class Running(TestNode node) : IAsyncDisposable
    {
        internal TestNode Node => node;

        public async ValueTask DisposeAsync()
        {
            await node.DisposeAsync();
            node.Dispose();
        }
    }
}
