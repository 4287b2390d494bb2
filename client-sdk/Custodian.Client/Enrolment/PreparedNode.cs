using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Client;

/// <summary>A node that has made its key for a new record: the mask that follows, and the key back, sealed for that node alone.</summary>
internal sealed class PreparedNode : IDisposable
{
    private PreparedNode(NodeId node, ByteString sealedKey) => (Node, SealedKey) = (node, sealedKey);

    internal NodeId Node { get; }

    internal ByteString SealedKey { get; }

    internal SecretBytes Mask { get; } = SecretBytes.Allocate(Limits.ShareSize);

    /// <summary>Has a node make its key and evaluate the secret under it.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal static async Task<Reply<PreparedNode>> PrepareAsync(
        Operation operation, RecordId record, NodeId node, SecretBytes stretched, CancellationToken cancellation)
    {
        using BlindedInput input = new(operation.Account, record, node, stretched);
        PrepareRequest request = new() { RecordId = ByteString.CopyFrom(record.ToArray()), Blinded = input.Blind() };
        Reply<PrepareResponse> reply = await operation.PrepareAsync(node, request, cancellation).ConfigureAwait(false);
        if (!reply.IsAnswer)
        {
            return Reply<PreparedNode>.Failed(reply.Outcome);
        }

        PreparedNode prepared = new(node, reply.Value.SealedKey);
        if (input.TryMask(reply.Value.Evaluated.Span, prepared.Mask.Span))
        {
            return Reply<PreparedNode>.Of(prepared);
        }

        prepared.Dispose();
        return Reply<PreparedNode>.Failed(NodeOutcome.Faulty("what it evaluated is no point of the curve"));
    }

    public void Dispose() => Mask.Dispose();
}
