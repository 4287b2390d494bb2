using System.Diagnostics.CodeAnalysis;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Client;

/// <summary>
/// One node's part of a try: blind, ask, check, unmask. The attempt_id is new for every try and the same for its resends, which repeat the
/// blinded point byte for byte.
/// </summary>
internal sealed class NodeAttempt : IDisposable
{
    private readonly Operation _operation;
    private readonly Header _header;
    private readonly HeaderParticipant _participant;
    private readonly BlindedInput _input;
    private readonly AttemptId _attempt = AttemptId.Draw();
    private int _own;

    internal NodeAttempt(Operation operation, Header header, HeaderParticipant participant, SecretBytes stretched)
    {
        _operation = operation;
        _header = header;
        _participant = participant;
        _input = new BlindedInput(operation.Account, header.RecordId, participant.Node, stretched);
    }

    internal NodeId Node => _participant.Node;

    /// <summary>Makes the attempt. Never throws: an attempt that was cancelled is an answer that did not come.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "a node that throws off one attempt must not end the others")]
    internal async Task<NodeAnswer> RunAsync(CancellationToken cancellation)
    {
        try
        {
            EvaluateRequest request = new()
            {
                RecordId = ByteString.CopyFrom(_header.RecordId.ToArray()),
                AttemptId = ByteString.CopyFrom(_attempt.ToArray()),
                Blinded = _input.Blind(),
            };
            cancellation.ThrowIfCancellationRequested();
            Reply<EvaluateResponse> reply = await CountedAsync(request, cancellation).ConfigureAwait(false);
            return reply.IsAnswer ? TryCheck(reply.Value) : Answer(reply.Outcome);
        }
        catch (OperationCanceledException)
        {
            return Answer(NodeOutcome.Unanswered);
        }
        catch (Exception failure)
        {
            return Answer(Unreadable(failure));
        }
    }

    public void Dispose() => _input.Dispose();

    private async Task<Reply<EvaluateResponse>> CountedAsync(EvaluateRequest request, CancellationToken cancellation)
    {
        AttemptLedger own = _operation.Core.OwnAttempts;
        using AttemptLedger.Reading reading = own.Watch(Node);
        own.Add(_header.RecordId, Node);
        try
        {
            Reply<EvaluateResponse> reply = await _operation.EvaluateAsync(Node, request, cancellation).ConfigureAwait(false);
            _own = reading.Most(_header.RecordId);
            own.Settle(_header.RecordId, Node, reply.Outcome, reply.MayHaveActed);
            return reply;
        }
        catch
        {
            own.Keep(_header.RecordId, Node);
            throw;
        }
    }

    /// <summary>An answer that cannot be read has been charged for all that, and keeps its sequence for the Confirm.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "a node that throws off one attempt must not end the others")]
    private NodeAnswer TryCheck(EvaluateResponse response)
    {
        try
        {
            return Check(response);
        }
        catch (Exception failure)
        {
            return Answer(Unreadable(failure), response);
        }
    }

    private NodeOutcome Unreadable(Exception failure)
    {
        string why = $"its answer cannot be read: {failure.GetType().Name}";
        Log.NodeFaulty(_operation.Core.Log, Node.Value, why);
        return NodeOutcome.Faulty(why);
    }

    private NodeAnswer Check(EvaluateResponse response)
    {
        if (AnswerCheck.WhyFaulty(response, _header, Node, _operation.Account) is { } why)
        {
            Log.NodeFaulty(_operation.Core.Log, Node.Value, why);
            return Answer(NodeOutcome.Faulty(why), response);
        }

        SecretBytes share = SecretBytes.Allocate(Limits.ShareSize);
        if (!_input.TryMask(response.Evaluated.Span, share.Span))
        {
            share.Dispose();
            return Answer(NodeOutcome.Faulty("what it evaluated is no point of the curve"), response);
        }

        Xor(share.Span, response.MaskedShare.Span);
        return Answer(NodeOutcome.Answered, response, share);
    }

    private NodeAnswer Answer(NodeOutcome outcome, EvaluateResponse? response = null, SecretBytes? share = null) => new()
    {
        Node = Node,
        Index = _participant.Index,
        Attempt = _attempt,
        Outcome = outcome,
        Share = share,
        Envelope = share is null ? default : response!.Envelope.Memory,
        Sequence = response?.Sequence,
        Remaining = response is null ? null : Remaining(response),
        Foreign = response is null ? null : AttemptLedger.Foreign(_header, Remaining(response), _own),
    };

    private static int Remaining(EvaluateResponse response) => (int)Math.Min(response.AttemptsRemaining, Limits.MaxAttempts);

    private static void Xor(Span<byte> mask, ReadOnlySpan<byte> masked)
    {
        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] ^= masked[i];
        }
    }
}
