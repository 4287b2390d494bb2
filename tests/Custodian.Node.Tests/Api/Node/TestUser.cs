using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using RpcStatus = Custodian.Protocol.Wire.Status;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>A user with a token of their own, and what a client does for them at one node.</summary>
internal sealed class TestUser(TestNode node, GrpcChannel channel, string subject)
{
    internal AccountId Account { get; } = AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, subject);

    internal GrpcChannel Channel => channel;

    internal Custody.CustodyClient Node { get; } = new(channel);

    internal Metadata Token => new() { { "authorization", $"Bearer {subject}" } };

    internal ClientRecord NewRecord(ulong generation = 1, int maxAttempts = 5) => new(generation, maxAttempts: maxAttempts, account: Account);

    /// <summary>Prepare and Deposit.</summary>
    internal async Task<ClientRecord> DepositAsync(ulong generation = 1, ClientRecord? replaced = null, int maxAttempts = 5)
    {
        ClientRecord record = NewRecord(generation, maxAttempts);
        PrepareResponse prepared = await Node.PrepareAsync(record.Prepare(), Token);
        await Node.DepositAsync(record.DepositMessage(prepared.SealedKey, replaced), Token);
        return record;
    }

    /// <summary>Prepare, Deposit and Activate.</summary>
    internal async Task<ClientRecord> EnrolAsync(ulong generation = 1, ClientRecord? replaced = null, int maxAttempts = 5)
    {
        ClientRecord record = await DepositAsync(generation, replaced, maxAttempts);
        await Node.ActivateAsync(record.ActivateMessage(), Token);
        return record;
    }

    internal async Task<EvaluateResponse> EvaluateAsync(ClientRecord record, AttemptId attempt, ByteString? blinded = null) =>
        await Node.EvaluateAsync(record.Evaluate(attempt, blinded), Token);

    internal async Task<DescribeResponse> DescribeAsync() => await Node.DescribeAsync(ClientRequests.Describe(), Token);

    /// <summary>The account as the node's store has it.</summary>
    internal Task<Account> StoredAsync() => node.Store.ReadAsync(Account, CancellationToken.None);

    /// <summary>What the audit log tells of the account, oldest first.</summary>
    internal async Task<IReadOnlyList<AuditKind>> AuditedAsync()
    {
        List<AuditKind> kinds = [];
        await foreach (AuditRow row in node.Store.ReadAuditAsync(0, node.Store.RowOf(Account), CancellationToken.None))
        {
            kinds.Add(row.Entry!.Event.Kind);
        }

        return kinds;
    }
}

/// <summary>A refused call, as its caller sees it.</summary>
internal sealed record Refused(StatusCode Status, string Reason, string Text, ErrorInfo Info, TimeSpan? RetryAfter, string RequestId)
{
    internal string? Field => Info.Metadata.GetValueOrDefault("field");

    /// <summary>The refusal of a call that must be refused.</summary>
    internal static async Task<Refused> ByAsync<T>(AsyncUnaryCall<T> call)
    {
        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await call);
        byte[]? details = refusal.Trailers.GetValueBytes("grpc-status-details-bin");
        Assert.True(details is not null, $"no details: {refusal.Status}");
        RpcStatus status = RpcStatus.Parser.ParseFrom(details);
        ErrorInfo info = status.Details[0].Unpack<ErrorInfo>();
        TimeSpan? retry = status.Details.Count > 1 ? status.Details[1].Unpack<RetryInfo>().RetryDelay.ToTimeSpan() : null;
        string requestId = refusal.Trailers.GetValue("x-request-id")!;
        Assert.Equal(requestId, info.Metadata["request_id"]);
        return new Refused(refusal.StatusCode, info.Reason, refusal.Status.Detail, info, retry, requestId);
    }
}
