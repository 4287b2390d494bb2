using Custodian.Core;
using Custodian.Node.Api.Requests;
using Custodian.Node.Storage;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Api.Calls;

/// <summary>Describe (protocol.md section 11): live records with all that a client needs to choose one, tombstones by id and generation.</summary>
internal sealed class DescribeFlow(NodeProfile profile, IAccountStore store, TimeProvider time)
{
    internal async Task<Outcome<DescribeResponse>> ExecuteAsync(Parsed<DescribeCall> request, CallScope scope)
    {
        Account account = await store.ReadAsync(request.Account, scope.Waiting);
        long nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        return new DescribeResponse
        {
            NodeId = profile.Node.Value,
            SetId = request.Set.Value,
            Records = { account.Records.Select(r => Live(r, nowMs)), account.Tombstones.Select(Gone) },
        };
    }

    private RecordStatus Live(StoredRecord record, long nowMs)
    {
        var status = new RecordStatus
        {
            Header = UnsafeByteOperations.UnsafeWrap(record.Header.Bytes),
            State = record.State,
            AttemptsUsed = record.AttemptsUsed,
            AttemptsRemaining = record.AttemptsRemaining,
            RetryAfterMs = (long)Math.Ceiling(profile.Attempts.WaitFor(record, nowMs).TotalMilliseconds),
            DepositSignature = UnsafeByteOperations.UnsafeWrap(record.DepositSignature),
        };
        if (record.Replacement is { } replacement)
        {
            status.ReplaceSignature = UnsafeByteOperations.UnsafeWrap(replacement.Signature);
            status.ReplacesRecordId = ByteString.CopyFrom(replacement.Replaced.ToArray());
        }

        return status;
    }

    private static RecordStatus Gone(Tombstone tombstone) => new()
    {
        RecordId = ByteString.CopyFrom(tombstone.Id.ToArray()),
        Generation = tombstone.Generation,
        State = RecordState.Destroyed,
    };
}
