using System.Security.Cryptography;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// A node that its operator has whole: its key is at hand, and nobody counts how often it is used. From an enrolment on it answers under a
/// key of its own, in Prepare as in Evaluate, which no client can tell from an HSM's; what it was deposited it remembers.
/// </summary>
internal sealed class WholeNode
{
    private readonly byte[] _key = NewKey();
    private readonly LyingNode _front;

    private WholeNode(LyingNode front) => _front = front;

    internal NodeProcess Real => _front.Real;

    /// <summary>The masked share that the user deposited last.</summary>
    internal byte[] MaskedShare => _front.CallsOf(CustodyMethod.Deposit)[^1].RequestAs<DepositRequest>().MaskedShare.ToByteArray();

    /// <summary>Takes a node over, before the enrolment.</summary>
    internal static WholeNode TakeOver(LyingNode front)
    {
        var node = new WholeNode(front);
        front.Alter<PrepareResponse>((call, answer) => answer.Evaluated = Multiply(node._key, call.RequestAs<PrepareRequest>().Blinded));
        front.Alter<EvaluateResponse>((call, answer) => answer.Evaluated = Multiply(node._key, call.RequestAs<EvaluateRequest>().Blinded));
        return node;
    }

    /// <summary>The share that a guess gives here, without asking or counting anything.</summary>
    internal byte[] ShareOf(AccountId account, Header header, SecretBytes stretched) =>
        Thief.Xor(MaskOf(_key, account, header, stretched), MaskedShare);

    /// <summary>What a guess is masked with under a key.</summary>
    internal byte[] MaskOf(ReadOnlySpan<byte> key, AccountId account, Header header, SecretBytes stretched)
    {
        using var input = new BlindedInput(account, header.RecordId, NodeId.Parse(Real.NodeId), stretched);
        byte[] mask = new byte[Limits.ShareSize];
        Assert.True(input.TryMask(Multiply(key, input.Blind()).Span, mask));
        return mask;
    }

    /// <summary>x(key * lift_x(blinded)), as an HSM computes it.</summary>
    internal static ByteString Multiply(ReadOnlySpan<byte> key, ByteString blinded)
    {
        byte[] evaluated = new byte[Limits.WordSize];
        P256.MultiplyX(key, blinded.Span, evaluated);
        return ByteString.CopyFrom(evaluated);
    }

    internal static byte[] NewKey()
    {
        byte[] key = new byte[Limits.WordSize];
        do
        {
            RandomNumberGenerator.Fill(key);
        }
        while (!P256.IsValidScalar(key));

        return key;
    }
}
