using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.Client;

/// <summary>The calls of one operation, for one user, each at one node and with that node's token.</summary>
internal sealed class Operation
{
    private readonly AccessTokens _tokens;

    internal Operation(ClientCore core, IProgress<CustodyProgress>? progress)
    {
        core.ThrowIfDisposed();
        Core = core;
        Progress = new GuardedProgress(progress, core.Log);
        _tokens = new AccessTokens(core.Set, core.Options.Token!, core.Options.TimeProvider);
    }

    internal ClientCore Core { get; }

    /// <summary>Where the steps are told.</summary>
    internal GuardedProgress Progress { get; }

    internal CustodianSet Set => Core.Set;

    /// <summary>Whether some token has named the user.</summary>
    internal bool HasAccount => _tokens.Account is not null;

    /// <summary>Whether tokens named different users.</summary>
    internal bool TokensDisagree => _tokens.Disagree;

    /// <summary>The user's account at this set.</summary>
    internal AccountId Account => _tokens.Account ?? throw new InvalidOperationException("no token has named the user yet");

    internal Task<Reply<DescribeResponse>> DescribeAsync(NodeId node, CancellationToken cancellation)
    {
        DescribeRequest request = new() { SetId = Set.Id.Value };
        return AskAsync(node, (stub, options) => stub.DescribeAsync(request, options), cancellation);
    }

    internal Task<Reply<PrepareResponse>> PrepareAsync(NodeId node, PrepareRequest request, CancellationToken cancellation)
    {
        request.SetId = Set.Id.Value;
        return AskAsync(node, (stub, options) => stub.PrepareAsync(request, options), cancellation);
    }

    internal Task<Reply<DepositResponse>> DepositAsync(NodeId node, DepositRequest request, CancellationToken cancellation)
    {
        request.SetId = Set.Id.Value;
        return AskAsync(node, (stub, options) => stub.DepositAsync(request, options), cancellation);
    }

    internal Task<Reply<EvaluateResponse>> EvaluateAsync(NodeId node, EvaluateRequest request, CancellationToken cancellation)
    {
        request.SetId = Set.Id.Value;
        return AskAsync(node, (stub, options) => stub.EvaluateAsync(request, options), cancellation);
    }

    internal Task<Reply<ActivateResponse>> ActivateAsync(NodeId node, Header header, SigningKey owner, CancellationToken cancellation)
    {
        ActivateRequest request = new()
        {
            RecordId = ByteString.CopyFrom(header.RecordId.ToArray()),
            Signature = Sign(owner, SignaturePurpose.Activate, node, header.RecordId, SignatureBody.Activate(header.Hash.Span)),
            SetId = Set.Id.Value,
        };
        return AskAsync(node, (stub, options) => stub.ActivateAsync(request, options), cancellation);
    }

    internal Task<Reply<ConfirmResponse>> ConfirmAsync(
        NodeId node, Header header, SigningKey confirm, AttemptId attempt, ulong sequence, CancellationToken cancellation)
    {
        ConfirmRequest request = new()
        {
            RecordId = ByteString.CopyFrom(header.RecordId.ToArray()),
            AttemptId = ByteString.CopyFrom(attempt.ToArray()),
            Sequence = sequence,
            Signature = Sign(confirm, SignaturePurpose.Confirm, node, header.RecordId, SignatureBody.Confirm(attempt, sequence)),
            SetId = Set.Id.Value,
        };
        return AskAsync(node, (stub, options) => stub.ConfirmAsync(request, options), cancellation);
    }

    /// <summary>Retires a record under the owner key of the ACTIVE one.</summary>
    internal Task<Reply<RetireResponse>> RetireAsync(NodeId node, Header retired, SigningKey activeOwner, CancellationToken cancellation)
    {
        RetireRequest request = new()
        {
            RecordId = ByteString.CopyFrom(retired.RecordId.ToArray()),
            Signature = Sign(activeOwner, SignaturePurpose.Retire, node, retired.RecordId, SignatureBody.Retire(retired.Hash.Span)),
            SetId = Set.Id.Value,
        };
        return AskAsync(node, (stub, options) => stub.RetireAsync(request, options), cancellation);
    }

    internal Task<Reply<DeleteResponse>> DeleteAsync(
        NodeId node, Header header, Protocol.Wire.RecordState state, SigningKey owner, CancellationToken cancellation)
    {
        DeleteRequest request = new()
        {
            RecordId = ByteString.CopyFrom(header.RecordId.ToArray()),
            State = state,
            Signature = Sign(owner, SignaturePurpose.Delete, node, header.RecordId, SignatureBody.Delete(state, header.Hash.Span)),
            SetId = Set.Id.Value,
        };
        return AskAsync(node, (stub, options) => stub.DeleteAsync(request, options), cancellation);
    }

    /// <summary>A signature for a node, by the client's own name for it.</summary>
    internal ByteString Sign(SigningKey key, SignaturePurpose purpose, NodeId node, RecordId record, ReadOnlySpan<byte> body) =>
        ByteString.CopyFrom(key.Sign(OwnerSignature.Message(purpose, node, Account, record, body)));

    private async Task<Reply<T>> AskAsync<T>(
        NodeId node, Func<Custody.CustodyClient, CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellation)
        where T : class
    {
        Reply<T> reply = await Core.Connection(node)
            .CallAsync(call, token => _tokens.GetAsync(node, token), cancellation)
            .ConfigureAwait(false);
        if (reply.Outcome.Refusal?.Reason == RefusalReason.TokenRejected)
        {
            _tokens.Forget(node);
        }

        return reply;
    }
}
