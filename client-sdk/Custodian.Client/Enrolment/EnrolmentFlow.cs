using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client;

/// <summary>
/// Enrol, and Change as its second half (protocol.md section 14). At no instant is there a state in which neither the old nor the new
/// secret recovers: up to the first Activate a failure leaves what was there before, and is undone; from then on the flow only goes
/// forward, whatever the caller cancels, and any later recovery finishes what a crash leaves.
/// </summary>
internal sealed class EnrolmentFlow
{
    private readonly Operation _operation;
    private readonly AccountView _view;
    private readonly OwnerKeyRing _owners;
    private readonly OutcomeTable _outcomes = new();
    private readonly ImmutableArray<NodeId> _nodes;
    private readonly CustodianClientOptions _options;
    private bool _isDisplacing;

    internal EnrolmentFlow(Operation operation, AccountView view, OwnerKeyRing owners)
    {
        (_operation, _view, _owners) = (operation, view, owners);
        _options = operation.Core.Options;
        _nodes = [.. operation.Set.Participants.Select(n => n.Id)];
        foreach (NodeId node in _nodes)
        {
            _outcomes.Set(node, IsLockedIn(node) ? OtherOwner : view.Outcomes[node]);
        }
    }

    /// <summary>How a node fares whose record nobody here can replace.</summary>
    internal static NodeOutcome OtherOwner { get; } = NodeOutcome.NotAsked("holds a record whose owner key is not known, so it takes no other");

    private int Needed => Majority.ToActivate(_nodes.Length, _operation.Set.Threshold, _options.AllowPartialEnrolment);

    /// <summary>Makes and stores the record, and puts it into effect.</summary>
    /// <exception cref="CustodyException">It did not come to that; what was there before is untouched.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the first Activate; what was there before is untouched.</exception>
    internal async Task<EnrollResult> RunAsync(KeyMaterial key, SecretBytes utf8, CancellationToken cancellation)
    {
        NewRecordPlan plan = Plan();
        ImmutableArray<PreparedNode> prepared = await PrepareAsync(plan, utf8, cancellation).ConfigureAwait(false);
        try
        {
            using NewRecord record = MakeRecord(plan, key);
            ImmutableArray<NodeId> took = await DepositAsync(record, prepared, cancellation).ConfigureAwait(false);
            ImmutableArray<NodeId> asked = [.. prepared.Select(p => p.Node).Where(n => took.Contains(n) || MayHaveStored(n))];
            ImmutableArray<NodeId> active = await ActivateAsync(record, asked).ConfigureAwait(false);
            ThrowIfDisplaced([.. asked.Where(n => active.Contains(n) || MayHaveStored(n))]);
            ImmutableArray<NodeId> stored = [.. asked.Where(n => took.Contains(n) || active.Contains(n))];
            Log.Enrolled(_operation.Core.Log, plan.Record.ToString(), plan.Generation, stored.Length, active.Length);
            Aftermath aftermath = new(_operation, _view, _owners, _outcomes);
            ImmutableArray<NodeId> left = await aftermath
                .RunAsync(record, [.. asked.Where(n => stored.Contains(n) || MayHaveStored(n))], active)
                .ConfigureAwait(false);
            return new EnrollResult(new SecretBytes(record.Keys.OwnerPrivateKey))
            {
                Record = RecordSummary.Of(record.Header),
                Stored = stored,
                Active = active,
                StillHoldingOld = left,
                Nodes = _outcomes.Snapshot(),
            };
        }
        finally
        {
            Dispose(prepared);
        }
    }

    private NewRecordPlan Plan() => new()
    {
        Set = _operation.Set.Id,
        Account = _operation.Account,
        Record = RecordId.Draw(),
        Generation = _view.Generation.Next,
        Threshold = _operation.Set.Threshold,
        MaxAttempts = _options.MaxAttempts,
        Participants = [.. _nodes.Select((node, i) => new HeaderParticipant(node, (byte)(i + 1)))],
        Kdf = _options.Stretching.WithSalt(RandomNumberGenerator.GetBytes(Limits.NewSaltSize)),
        Created = _options.TimeProvider.GetUtcNow(),
    };

    private async Task<ImmutableArray<PreparedNode>> PrepareAsync(NewRecordPlan plan, SecretBytes utf8, CancellationToken cancellation)
    {
        ThrowIfTooFew(_nodes.Count(n => _outcomes[n].Condition == NodeCondition.Answered));
        _ = new StageProgress(_operation.Progress, CustodyStage.Stretching);
        using SecretBytes stretched = await RecoveryFlow.StretchAsync(utf8, plan.Kdf, cancellation).ConfigureAwait(false);
        StageProgress stage = new(_operation.Progress, CustodyStage.Preparing, _nodes.Length);
        var replies = await Task.WhenAll(_nodes.Where(IsUsable).Select(n => PrepareAsync(plan.Record, n, stretched, stage, cancellation)))
            .ConfigureAwait(false);
        ImmutableArray<PreparedNode> prepared = [.. replies.Where(r => r.IsAnswer).Select(r => r.Value!)];
        if (prepared.Length < Needed || cancellation.IsCancellationRequested)
        {
            Dispose(prepared);
            cancellation.ThrowIfCancellationRequested();
            ThrowIfTooFew(prepared.Length);
        }

        return prepared;
    }

    /// <summary>A prepared node never throws, so that the masks of the others are not lost to the cancellation of one.</summary>
    private async Task<Reply<PreparedNode>> PrepareAsync(
        RecordId record, NodeId node, SecretBytes stretched, StageProgress stage, CancellationToken cancellation)
    {
        try
        {
            Reply<PreparedNode> reply = await Task
                .Run(() => PreparedNode.PrepareAsync(_operation, record, node, stretched, cancellation), CancellationToken.None)
                .ConfigureAwait(false);
            _outcomes.Set(node, reply.Outcome);
            stage.Done(node, reply.Outcome);
            return reply;
        }
        catch (OperationCanceledException)
        {
            return Reply<PreparedNode>.Failed(NodeOutcome.Unanswered);
        }
    }

    private NewRecord MakeRecord(NewRecordPlan plan, KeyMaterial key)
    {
        byte[] payload = key.Serialise(_owners.ToCarry(_view, _operation.Set));
        try
        {
            return NewRecord.Create(plan, payload);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(payload);
        }
    }

    /// <summary>
    /// A crash in here leaves PENDING records, which stand in the way of the next enrolment for a minute, and the old record as it was.
    /// </summary>
    private async Task<ImmutableArray<NodeId>> DepositAsync(
        NewRecord record, ImmutableArray<PreparedNode> prepared, CancellationToken cancellation)
    {
        StageProgress stage = new(_operation.Progress, CustodyStage.Depositing, prepared.Length);
        ImmutableArray<NodeId> stored = [];
        try
        {
            stored = await DepositAsync(record, [.. prepared.Where(p => PendingAt(p.Node) is null)], stage, cancellation).ConfigureAwait(false);
            stored = stored.AddRange(await DisplaceAsync(record, prepared, stored.Length, stage, cancellation).ConfigureAwait(false));
            cancellation.ThrowIfCancellationRequested();
        }
        finally
        {
            if (stored.Length < Needed || cancellation.IsCancellationRequested)
            {
                await UndoAsync(record, prepared).ConfigureAwait(false);
            }
        }

        ThrowIfTooFew(stored.Length);
        return stored;
    }

    /// <summary>
    /// What is PENDING may be another device's, on its way to take effect: it gives way last, and only when that brings the new record to
    /// enough nodes. A device that displaced it first and was refused elsewhere could leave both at too few nodes to recover.
    /// </summary>
    private Task<ImmutableArray<NodeId>> DisplaceAsync(
        NewRecord record, ImmutableArray<PreparedNode> prepared, int stored, StageProgress stage, CancellationToken cancellation)
    {
        ImmutableArray<PreparedNode> held = [.. prepared.Where(p => PendingAt(p.Node) is not null)];
        if (stored + held.Length >= Needed && !cancellation.IsCancellationRequested)
        {
            _isDisplacing = !held.IsEmpty;
            return DepositAsync(record, held, stage, cancellation);
        }

        foreach (PreparedNode node in held)
        {
            _outcomes.Set(node.Node, PendingHold.LeftAlone);
            stage.Done(node.Node, PendingHold.LeftAlone);
        }

        return Task.FromResult(ImmutableArray<NodeId>.Empty);
    }

    private async Task<ImmutableArray<NodeId>> DepositAsync(
        NewRecord record, ImmutableArray<PreparedNode> prepared, StageProgress stage, CancellationToken cancellation)
    {
        bool[] took = await Task.WhenAll(prepared.Select(p => DepositAsync(record, p, stage, cancellation))).ConfigureAwait(false);
        return [.. prepared.Where((_, i) => took[i]).Select(p => p.Node)];
    }

    private Sighting? PendingAt(NodeId node) => _view.At(node)?.InState(WireState.Pending);

    private async Task<bool> DepositAsync(NewRecord record, PreparedNode prepared, StageProgress stage, CancellationToken cancellation)
    {
        NodeId node = prepared.Node;
        Reply<DepositResponse> reply = await _operation.DepositAsync(node, Request(record, prepared), cancellation).ConfigureAwait(false);
        NodeOutcome outcome = !reply.IsAnswer || reply.Value.State is WireState.Pending or WireState.Active
            ? reply.Outcome
            : NodeOutcome.Faulty("it stored a new record in a state that is none");
        _outcomes.Set(node, outcome);
        stage.Done(node, outcome);
        return outcome.Condition == NodeCondition.Answered;
    }

    private DepositRequest Request(NewRecord record, PreparedNode prepared)
    {
        NodeId node = prepared.Node;
        byte[] masked = record.MaskedShare(prepared);
        Header header = record.Header;
        DepositRequest request = new()
        {
            SealedKey = prepared.SealedKey,
            Header = ByteString.CopyFrom(header.Bytes.Span),
            MaskedShare = ByteString.CopyFrom(masked),
            Envelope = ByteString.CopyFrom(record.Envelope),
            DepositSignature = _operation.Sign(
                record.Keys.Owner, SignaturePurpose.Deposit, node, header.RecordId, SignatureBody.Deposit(header.Hash.Span, masked)),
        };
        NodeView? view = _view.At(node);
        if (_owners.For(view) is { } replaced)
        {
            request.ReplacesRecordId = ByteString.CopyFrom(replaced.Record.Record.ToArray());
            request.ReplaceSignature = _operation.Sign(
                replaced.Key, SignaturePurpose.Replace, node, header.RecordId, SignatureBody.Replace(header.Hash.Span));
        }

        if (PendingAt(node) is { } pending)
        {
            request.ReplacesPending = ByteString.CopyFrom(pending.Record.ToArray());
        }

        return request;
    }

    /// <summary>
    /// Deletes what was stored, also where the answer was lost. Not cancelled: it ends by the timeouts of the calls. Once another device's
    /// record may have been displaced at so many nodes that the rest are too few to recover it, the new one stays PENDING at those: it keeps
    /// that other enrolment, should it still be going on, from taking effect where nobody could recover or replace it.
    /// </summary>
    private async Task UndoAsync(NewRecord record, ImmutableArray<PreparedNode> prepared)
    {
        bool displaced = _isDisplacing && prepared.Any(p => PendingAt(p.Node) is not null && MayHaveStored(p.Node));
        bool stays = displaced && prepared.Count(p => PendingAt(p.Node) is null) < _operation.Set.Threshold;
        await Task.WhenAll(prepared
            .Where(p => MayHaveStored(p.Node) && (PendingAt(p.Node) is null ? !stays : _isDisplacing))
            .Select(p => _operation.DeleteAsync(p.Node, record.Header, WireState.Pending, record.Keys.Owner, _operation.Core.Closing)))
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Asks also those nodes whose answer to the Deposit was lost: they may have stored it. A crash in here leaves a record that is ACTIVE
    /// at some nodes and PENDING at others: both answer, and a Confirm finishes it.
    /// </summary>
    private async Task<ImmutableArray<NodeId>> ActivateAsync(NewRecord record, ImmutableArray<NodeId> asked)
    {
        StageProgress stage = new(_operation.Progress, CustodyStage.Activating, asked.Length);
        bool[] took = await Task.WhenAll(asked.Select(n => ActivateAsync(record, n, stage))).ConfigureAwait(false);
        return [.. asked.Where((_, i) => took[i])];
    }

    private async Task<bool> ActivateAsync(NewRecord record, NodeId node, StageProgress stage)
    {
        Reply<ActivateResponse> reply = await _operation
            .ActivateAsync(node, record.Header, record.Keys.Owner, _operation.Core.Closing)
            .ConfigureAwait(false);
        NodeOutcome outcome = !reply.IsAnswer || reply.Value.State == WireState.Active
            ? reply.Outcome
            : NodeOutcome.Faulty("it activated a record and does not have it in effect");
        _outcomes.Set(node, outcome);
        stage.Done(node, outcome);
        return IsUsable(node);
    }

    /// <summary>
    /// Whether a node that prepared may hold the new record, by its last word. A node that is overloaded, out of order or rejects the token
    /// may have stored what an earlier try of the same call brought.
    /// </summary>
    private bool MayHaveStored(NodeId node) =>
        _outcomes[node] is not { Condition: NodeCondition.Refused or NodeCondition.NotAsked } outcome
        || outcome.Refusal?.Reason is null or RefusalReason.Overloaded or RefusalReason.HsmUnavailable or RefusalReason.StorageUnavailable
            or RefusalReason.TokenRejected or RefusalReason.ScopeMissing;

    /// <summary>Whether a node holds a record that only an owner key can replace, and none is known that could.</summary>
    private bool IsLockedIn(NodeId node) =>
        _view.At(node) is { } view && view.Live.Any(s => s.State != WireState.Pending) && _owners.For(view) is null;

    private bool IsUsable(NodeId node) => _outcomes[node].Condition == NodeCondition.Answered;

    private void ThrowIfTooFew(int done)
    {
        if (done >= Needed)
        {
            return;
        }

        var outcomes = _outcomes.Snapshot();
        bool tokens = outcomes.Values.Count(Absence.IsTokenTrouble) >= Needed - done;
        throw tokens
            ? new TokenRejectedException("too few nodes take the access tokens", outcomes)
            : new EnrollmentRefusedException(Needed, done, PendingHold.WaitFor(Needed - done, outcomes.Values), outcomes);
    }

    /// <summary>
    /// Nodes that refuse to activate what they stored have let another device's record take its place meanwhile. With fewer left than the
    /// threshold it does not recover, and nothing that it was to replace has been touched.
    /// </summary>
    private void ThrowIfDisplaced(ImmutableArray<NodeId> left)
    {
        if (left.Length < _operation.Set.Threshold)
        {
            throw new EnrollmentRefusedException(Needed, left.Length, null, _outcomes.Snapshot());
        }
    }

    private static void Dispose(ImmutableArray<PreparedNode> prepared)
    {
        foreach (PreparedNode node in prepared)
        {
            node.Dispose();
        }
    }
}
