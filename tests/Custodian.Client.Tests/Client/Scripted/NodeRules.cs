using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Client.Tests;

/// <summary>
/// protocol.md section 11 as an honest node follows it, in memory, with a key that no HSM keeps. Written for the tests of the client alone,
/// and apart from the node's own rules.
/// </summary>
internal sealed class NodeRules(NodeId node, SetId set)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<AccountId, AccountAtNode> _accounts = [];
    private readonly Dictionary<ByteString, byte[]> _prepared = [];

    internal Func<DateTimeOffset> Now { get; set; } = () => DateTimeOffset.UnixEpoch;

    /// <summary>The delay before an attempt, by how many are used.</summary>
    internal Func<int, TimeSpan> Delay { get; set; } = _ => TimeSpan.Zero;

    /// <summary>How long a PENDING record is safe.</summary>
    internal TimeSpan PendingHold { get; set; } = TimeSpan.Zero;

    internal AccountAtNode Account(AccountId id)
    {
        lock (_lock)
        {
            return _accounts.TryGetValue(id, out AccountAtNode? known) ? known : _accounts[id] = new AccountAtNode();
        }
    }

    internal PrepareResponse Prepare(PrepareRequest request)
    {
        byte[] key = new byte[32];
        P256.ReduceToScalar(System.Security.Cryptography.RandomNumberGenerator.GetBytes(48), key);
        ByteString handle = ByteString.CopyFrom(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        lock (_lock)
        {
            _prepared[handle] = key;
        }

        return new PrepareResponse { Evaluated = Multiply(key, request.Blinded), SealedKey = handle };
    }

    internal DepositResponse Deposit(AccountId id, DepositRequest request)
    {
        AccountAtNode account = Account(id);
        lock (_lock)
        {
            Header header = Header.TryParse(request.Header.Span, out Header? parsed, out FieldFault? fault)
                ? parsed
                : throw RefusedCall.Because(RefusalReason.InvalidRequest, field: fault.Field, expected: fault.Expected);
            if (account.Find(header.RecordId) is { } known)
            {
                return known.Deposit.Header.Equals(request.Header) && known.Deposit.MaskedShare.Equals(request.MaskedShare)
                    ? new DepositResponse { State = known.State }
                    : throw RefusedCall.Because(RefusalReason.RecordConflict);
            }

            CheckDeposit(account, id, header, request);
            if (account.In(Protocol.Wire.RecordState.Pending) is { } displaced)
            {
                account.Destroy(displaced);
            }

            account.Records.Add(new StoredAtNode { Header = header, Key = _prepared[request.SealedKey], Deposit = request, Stored = Now() });
            return new DepositResponse { State = Protocol.Wire.RecordState.Pending };
        }
    }

    internal ActivateResponse Activate(AccountId id, ActivateRequest request)
    {
        StoredAtNode record = Verified(id, request.RecordId, request.Signature, SignaturePurpose.Activate, r => SignatureBody.Activate(r.Header.Hash.Span));
        lock (_lock)
        {
            if (record.State == Protocol.Wire.RecordState.Superseded)
            {
                throw RefusedCall.Because(RefusalReason.WrongState);
            }

            Promote(Account(id), record);
            return new ActivateResponse { State = record.State };
        }
    }

    internal DescribeResponse Describe(AccountId id)
    {
        AccountAtNode account = Account(id);
        DescribeResponse response = new() { NodeId = node.Value, SetId = set.Value };
        lock (_lock)
        {
            response.Records.AddRange(account.Records.Select(Status));
            response.Records.AddRange(account.Tombstones.Select(t => new RecordStatus
            {
                State = Protocol.Wire.RecordState.Destroyed,
                RecordId = ByteString.CopyFrom(t.Record.ToArray()),
                Generation = t.Generation,
            }));
            return response;
        }
    }

    internal EvaluateResponse Evaluate(AccountId id, EvaluateRequest request)
    {
        StoredAtNode record = Find(id, request.RecordId);
        AttemptId attempt = AttemptId.Read(request.AttemptId.Span);
        lock (_lock)
        {
            ChargeAtNode charge = record.Charges.FirstOrDefault(c => c.Attempt == attempt) ?? Charge(record, attempt, request.Blinded);
            return charge.Blinded.AsSpan().SequenceEqual(request.Blinded.Span)
                ? new EvaluateResponse
                {
                    Evaluated = Multiply(record.Key, request.Blinded),
                    MaskedShare = record.Deposit.MaskedShare,
                    Envelope = record.Deposit.Envelope,
                    AttemptsRemaining = record.Remaining,
                    DepositSignature = record.Deposit.DepositSignature,
                    Sequence = charge.Sequence,
                }
                : throw RefusedCall.Because(RefusalReason.AttemptReused);
        }
    }

    internal ConfirmResponse Confirm(AccountId id, ConfirmRequest request)
    {
        StoredAtNode record = Find(id, request.RecordId);
        AttemptId attempt = AttemptId.Read(request.AttemptId.Span);
        Verify(id, record, request.Signature, SignaturePurpose.Confirm, SignatureBody.Confirm(attempt, request.Sequence), record.Header.ConfirmPublicKey);
        lock (_lock)
        {
            bool isRepeated = record.ConfirmedAttempt == attempt && record.ConfirmedSequence == request.Sequence && record.Charges.Count == 0;
            if (!isRepeated && !record.Charges.Any(c => c.Attempt == attempt && c.Sequence == request.Sequence))
            {
                throw RefusedCall.Because(RefusalReason.AttemptUnknown);
            }

            record.Charges.Clear();
            (record.ConfirmedAttempt, record.ConfirmedSequence) = (attempt, request.Sequence);
            if (record.State == Protocol.Wire.RecordState.Pending)
            {
                Promote(Account(id), record);
            }

            return new ConfirmResponse { State = record.State, AttemptsRemaining = record.Remaining };
        }
    }

    internal RetireResponse Retire(AccountId id, RetireRequest request)
    {
        AccountAtNode account = Account(id);
        RecordId recordId = RecordId.Read(request.RecordId.Span);
        lock (_lock)
        {
            if (account.Tombstones.Any(t => t.Record == recordId))
            {
                return new RetireResponse();
            }

            StoredAtNode record = account.Find(recordId) ?? throw RefusedCall.Because(RefusalReason.RecordNotFound);
            if (record.State != Protocol.Wire.RecordState.Superseded || account.In(Protocol.Wire.RecordState.Active) is not { } active)
            {
                throw RefusedCall.Because(RefusalReason.WrongState);
            }

            Verify(id, record, request.Signature, SignaturePurpose.Retire, SignatureBody.Retire(record.Header.Hash.Span), active.Header.OwnerPublicKey);
            account.Destroy(record);
            return new RetireResponse();
        }
    }

    internal DeleteResponse Delete(AccountId id, DeleteRequest request)
    {
        AccountAtNode account = Account(id);
        RecordId recordId = RecordId.Read(request.RecordId.Span);
        lock (_lock)
        {
            if (account.Tombstones.Any(t => t.Record == recordId))
            {
                return new DeleteResponse();
            }
        }

        StoredAtNode record = Verified(
            id, request.RecordId, request.Signature, SignaturePurpose.Delete, r => SignatureBody.Delete(request.State, r.Header.Hash.Span));
        lock (_lock)
        {
            if (record.State != request.State)
            {
                throw RefusedCall.Because(RefusalReason.WrongState);
            }

            foreach (StoredAtNode gone in record.State == Protocol.Wire.RecordState.Active ? account.Records.ToArray() : [record])
            {
                account.Destroy(gone);
            }

            return new DeleteResponse();
        }
    }

    private static ByteString Multiply(byte[] key, ByteString x)
    {
        byte[] result = new byte[32];
        P256.MultiplyX(key, x.Span, result);
        return ByteString.CopyFrom(result);
    }

    private static void Promote(AccountAtNode account, StoredAtNode record)
    {
        if (record.State == Protocol.Wire.RecordState.Pending)
        {
            if (account.In(Protocol.Wire.RecordState.Active) is { } former)
            {
                former.State = Protocol.Wire.RecordState.Superseded;
            }

            record.State = Protocol.Wire.RecordState.Active;
        }
    }

    private void CheckDeposit(AccountAtNode account, AccountId id, Header header, DepositRequest request)
    {
        if (header.CheckFor(set, id, null, node) is { } fault)
        {
            throw RefusedCall.Because(RefusalReason.InvalidRequest, field: fault.Field, expected: fault.Expected);
        }

        if (!_prepared.ContainsKey(request.SealedKey))
        {
            throw RefusedCall.Because(RefusalReason.SealedKeyRejected);
        }

        byte[] body = SignatureBody.Deposit(header.Hash.Span, request.MaskedShare.Span);
        Check(id, header.RecordId, request.DepositSignature, SignaturePurpose.Deposit, body, header.OwnerPublicKey);
        StoredAtNode[] settled = [.. account.Records.Where(r => r.State != Protocol.Wire.RecordState.Pending)];
        if (settled.Length > 0)
        {
            StoredAtNode? replaced = settled.FirstOrDefault(r => request.ReplacesRecordId.Span.SequenceEqual(r.Header.RecordId.ToArray()));
            Check(
                id, header.RecordId, request.ReplaceSignature, SignaturePurpose.Replace, SignatureBody.Replace(header.Hash.Span),
                replaced?.Header.OwnerPublicKey ?? default);
            if (settled.Any(r => r.Header.Generation >= header.Generation))
            {
                throw RefusedCall.Because(RefusalReason.StaleGeneration);
            }
        }

        if (account.In(Protocol.Wire.RecordState.Pending) is { } pending
            && (!request.ReplacesPending.Span.SequenceEqual(pending.Header.RecordId.ToArray()) || Now() - pending.Stored < PendingHold))
        {
            throw RefusedCall.Because(RefusalReason.PendingExists, PendingHold - (Now() - pending.Stored));
        }
    }

    private RecordStatus Status(StoredAtNode record) => new()
    {
        Header = record.Deposit.Header,
        State = record.State,
        AttemptsUsed = record.Used,
        AttemptsRemaining = record.Remaining,
        RetryAfterMs = (long)Delay((int)record.Used).TotalMilliseconds,
        DepositSignature = record.Deposit.DepositSignature,
        RecordId = ByteString.CopyFrom(record.Header.RecordId.ToArray()),
        Generation = record.Header.Generation,
        ReplaceSignature = record.Deposit.ReplaceSignature,
        ReplacesRecordId = record.Deposit.ReplacesRecordId,
    };

    private ChargeAtNode Charge(StoredAtNode record, AttemptId attempt, ByteString blinded)
    {
        if (record.ConfirmedAttempt == attempt)
        {
            throw RefusedCall.Because(RefusalReason.AttemptReused);
        }

        if (record.Remaining == 0)
        {
            throw RefusedCall.Because(RefusalReason.AttemptsExhausted);
        }

        if (Delay((int)record.Used) is { } wait && wait > TimeSpan.Zero)
        {
            throw RefusedCall.Because(RefusalReason.Delayed, wait);
        }

        ChargeAtNode charge = new(attempt, blinded.ToByteArray(), ++record.LastSequence);
        record.Charges.Add(charge);
        return charge;
    }

    private StoredAtNode Find(AccountId id, ByteString record)
    {
        AccountAtNode account = Account(id);
        RecordId name = RecordId.Read(record.Span);
        lock (_lock)
        {
            return account.Find(name)
                ?? throw RefusedCall.Because(
                    account.Tombstones.Any(t => t.Record == name) ? RefusalReason.RecordDestroyed : RefusalReason.RecordNotFound);
        }
    }

    private StoredAtNode Verified(
        AccountId id, ByteString record, ByteString signature, SignaturePurpose purpose, Func<StoredAtNode, byte[]> body)
    {
        StoredAtNode found = Find(id, record);
        Verify(id, found, signature, purpose, body(found), found.Header.OwnerPublicKey);
        return found;
    }

    private void Verify(
        AccountId id, StoredAtNode record, ByteString signature, SignaturePurpose purpose, byte[] body, ReadOnlyMemory<byte> publicKey) =>
        Check(id, record.Header.RecordId, signature, purpose, body, publicKey);

    private void Check(
        AccountId id, RecordId record, ByteString signature, SignaturePurpose purpose, byte[] body, ReadOnlyMemory<byte> publicKey)
    {
        if (!OwnerSignature.Verify(publicKey.Span, OwnerSignature.Message(purpose, node, id, record, body), signature.Span))
        {
            throw RefusedCall.Because(RefusalReason.BadSignature);
        }
    }
}
