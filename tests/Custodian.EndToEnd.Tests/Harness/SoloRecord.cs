using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// A record at one node only (n = t = 1), made and used call by call: what a test of the node needs, with none of the client's judgement
/// in between.
/// </summary>
internal sealed partial class SoloRecord : IDisposable
{
    private static readonly byte[] Stretched = SHA256.HashData("stretched"u8);

    private readonly RawCaller _caller;
    private readonly SetId _set;
    private readonly NodeId _node;
    private readonly RecordKeys _keys;

    private SoloRecord(RawCaller caller, SetId set, NodeId node, AccountId account, Header header, RecordKeys keys, ImmutableArray<byte> mask)
    {
        (_caller, _set, _node, Account, Header, _keys, Mask) = (caller, set, node, account, header, keys, mask);
    }

    internal AccountId Account { get; }

    internal Header Header { get; }

    /// <summary>What Prepare's evaluation gave; a later Evaluate must give the same.</summary>
    internal ImmutableArray<byte> Mask { get; }

    internal ByteString Id => ByteString.CopyFrom(Header.RecordId.ToArray());

    /// <summary>Prepares and deposits a record; it is PENDING afterwards.</summary>
    /// <param name="caller">Who calls.</param>
    /// <param name="set">The set_id.</param>
    /// <param name="nodeId">The node.</param>
    /// <param name="issuer">The <c>iss</c> of the caller's tokens.</param>
    /// <param name="subject">The <c>sub</c> of the caller's tokens.</param>
    /// <param name="maxAttempts">How many wrong secrets in a row it takes.</param>
    /// <param name="replaces">The account's record that it is to replace, if there is one.</param>
    internal static async Task<SoloRecord> DepositAsync(
        RawCaller caller, string set, string nodeId, string issuer, string subject, int maxAttempts = 10, SoloRecord? replaces = null)
    {
        var draft = new Draft(caller, SetId.Parse(set), NodeId.Parse(nodeId), AccountId.Derive(SetId.Parse(set), issuer, subject))
        {
            MaxAttempts = maxAttempts, Replaces = replaces,
        };
        PrepareResponse prepared = await caller.Client.PrepareAsync(draft.Prepare(), caller.Headers);
        (SoloRecord solo, DepositRequest deposit) = draft.Complete(prepared);
        await caller.Client.DepositAsync(deposit, caller.Headers);
        return solo;
    }

    /// <summary>Deposits and activates a record.</summary>
    internal static async Task<SoloRecord> EnrolAsync(
        RawCaller caller, string set, string nodeId, string issuer, string subject, int maxAttempts = 10)
    {
        SoloRecord record = await DepositAsync(caller, set, nodeId, issuer, subject, maxAttempts: maxAttempts);
        await record.ActivateAsync();
        return record;
    }

    internal AsyncUnaryCall<ActivateResponse> ActivateAsync() => _caller.Client.ActivateAsync(
        new ActivateRequest
        {
            RecordId = Id, SetId = _set.Value,
            Signature = Sign(_keys.Owner, SignaturePurpose.Activate, SignatureBody.Activate(Header.Hash.Span)),
        },
        _caller.Headers);

    /// <summary>The same record by way of another caller. What it shares stays this one's to dispose.</summary>
    internal SoloRecord Through(RawCaller caller) => new(caller, _set, _node, Account, Header, _keys, Mask);

    /// <summary>A new try: its own attempt_id and blinded point.</summary>
    internal Attempt NewAttempt() => new(AttemptId.Draw(), new Blinded(Account, Header.RecordId, _node));

    internal AsyncUnaryCall<EvaluateResponse> EvaluateAsync(Attempt attempt, DateTime? deadline = null, CancellationToken cancel = default) =>
        _caller.Client.EvaluateAsync(
            new EvaluateRequest
            {
                RecordId = Id, AttemptId = ByteString.CopyFrom(attempt.Id.ToArray()), Blinded = attempt.Blinded.Bytes, SetId = _set.Value,
            },
            _caller.Headers,
            deadline,
            cancel);

    internal AsyncUnaryCall<ConfirmResponse> ConfirmAsync(Attempt attempt, ulong sequence) => _caller.Client.ConfirmAsync(
        new ConfirmRequest
        {
            RecordId = Id, AttemptId = ByteString.CopyFrom(attempt.Id.ToArray()), Sequence = sequence, SetId = _set.Value,
            Signature = Sign(_keys.Confirm, SignaturePurpose.Confirm, SignatureBody.Confirm(attempt.Id, sequence)),
        },
        _caller.Headers);

    internal AsyncUnaryCall<DeleteResponse> DeleteAsync(RecordState state) => _caller.Client.DeleteAsync(
        new DeleteRequest
        {
            RecordId = Id, State = state, SetId = _set.Value,
            Signature = Sign(_keys.Owner, SignaturePurpose.Delete, SignatureBody.Delete(state, Header.Hash.Span)),
        },
        _caller.Headers);

    /// <summary>Retires a record that this one has superseded.</summary>
    internal AsyncUnaryCall<RetireResponse> RetireAsync(SoloRecord old) => _caller.Client.RetireAsync(
        new RetireRequest
        {
            RecordId = old.Id, SetId = _set.Value,
            Signature = old.Sign(_keys.Owner, SignaturePurpose.Retire, SignatureBody.Retire(old.Header.Hash.Span)),
        },
        _caller.Headers);

    /// <summary>What the node shows of this record.</summary>
    internal async Task<RecordStatus> StatusAsync()
    {
        DescribeResponse described = await _caller.Client.DescribeAsync(new DescribeRequest { SetId = _set.Value }, _caller.Headers);
        return described.Records.Single(r => r.Header.Span.SequenceEqual(Header.Bytes.Span));
    }

    public void Dispose() => _keys.Dispose();

    private ByteString Sign(SigningKey key, SignaturePurpose purpose, byte[] body) =>
        ByteString.CopyFrom(key.Sign(OwnerSignature.Message(purpose, _node, Account, Header.RecordId, body)));

    /// <summary>One try of a test.</summary>
    internal sealed record Attempt(AttemptId Id, Blinded Blinded);

    /// <summary>The fixed stretched secret, blinded for one node.</summary>
    internal sealed class Blinded
    {
        private readonly byte[] _input;
        private readonly byte[] _blind = new byte[Limits.WordSize];

        internal Blinded(AccountId account, RecordId record, NodeId node)
        {
            _input = Oprf.Input(account, record, node, Stretched);
            do
            {
                RandomNumberGenerator.Fill(_blind);
            }
            while (!P256.IsValidScalar(_blind));

            byte[] blinded = new byte[Limits.WordSize];
            Oprf.Blind(_input, _blind, blinded);
            Bytes = ByteString.CopyFrom(blinded);
        }

        internal ByteString Bytes { get; }

        internal byte[] MaskOf(ByteString evaluated)
        {
            byte[] unblinded = new byte[Limits.WordSize];
            Assert.True(Oprf.TryUnblind(_blind, evaluated.Span, unblinded), "the node's answer is no x-coordinate of the curve");
            byte[] mask = new byte[Limits.ShareSize];
            Oprf.Mask(unblinded, _input, mask);
            return mask;
        }
    }
}
