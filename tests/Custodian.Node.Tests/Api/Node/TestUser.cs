using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Node.Tests.Storage;
using Custodian.Pkcs11;
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
    private static readonly byte[] Generator = Convert.FromHexString(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C2964FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");

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

    /// <summary>Has the HSM make a key, as Prepare does, bound to a context.</summary>
    internal Task<PreparedKey> PrepareAsync(byte[] context) =>
        AdmittedAsync(admission => node.Hsm.PrepareAsync(admission, Generator, long.MaxValue, context));

    /// <summary>Has the HSM seal that key with a record's share, as Deposit does, bound to the same context.</summary>
    internal async Task<byte[]> SealAsync(ClientRecord record, PreparedKey prepared, byte[] context) => (await AdmittedAsync(
        admission => node.Hsm.AdoptAsync(admission, prepared.SealedKey, 0, context, record.MaskedShare, context))).SealedRecord!;

    /// <summary>Stores an active record past the API, with a sealed part as it comes.</summary>
    internal Task StoreAsync(ClientRecord record, byte[] sealedPart) => node.Store.AddAsync(Account, new StoredRecord
    {
        Header = record.Header,
        SealedPart = sealedPart,
        MaskedShareDigest = SHA256.HashData(record.MaskedShare),
        Envelope = record.Envelope,
        DepositSignature = record.DepositSignature(),
        StoredMs = 1_790_000_000_000,
        State = RecordState.Active,
    });

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

    private async Task<T> AdmittedAsync<T>(Func<HsmAdmission, ValueTask<T>> operation)
    {
        using HsmAdmission admission = (await node.Hsm.AdmitAsync(CancellationToken.None))!;
        return await operation(admission);
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
