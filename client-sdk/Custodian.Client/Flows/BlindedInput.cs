using System.Security.Cryptography;
using Custodian.Protocol;
using Google.Protobuf;

namespace Custodian.Client;

/// <summary>
/// One node's oblivious evaluation of the user's secret, as the client sees it (protocol.md section 6): the input, the blind, and the mask
/// that follows from the node's answer. The blind is new for every one of these, and so for every node and attempt. Pinned, zeroed on
/// dispose.
/// </summary>
internal sealed class BlindedInput : IDisposable
{
    private const int WideScalarSize = 48;

    private readonly byte[] _input;
    private readonly byte[] _blind = Pinned.Bytes(P256.WordSize);

    internal BlindedInput(AccountId account, RecordId record, NodeId node, SecretBytes stretched)
    {
        _input = Oprf.Input(account, record, node, stretched.Span);
        DrawScalar(_blind);
    }

    /// <summary>The point to send. Costs a hash to the curve and a multiplication, so it is not computed twice.</summary>
    internal ByteString Blind()
    {
        byte[] blinded = new byte[Limits.WordSize];
        Oprf.Blind(_input, _blind, blinded);
        return ByteString.CopyFrom(blinded);
    }

    /// <summary>
    /// The mask that follows from the node's answer. False when the answer is no x-coordinate of the curve: the node is faulty.
    /// </summary>
    internal bool TryMask(ReadOnlySpan<byte> evaluated, Span<byte> mask32)
    {
        Span<byte> unblinded = stackalloc byte[Limits.WordSize];
        try
        {
            bool lifted = Oprf.TryUnblind(_blind, evaluated, unblinded);
            if (lifted)
            {
                Oprf.Mask(unblinded, _input, mask32);
            }

            return lifted;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(unblinded);
        }
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_input);
        CryptographicOperations.ZeroMemory(_blind);
    }

    /// <summary>A uniform scalar in 1..q-1: 48 bytes reduced, whose bias is below 2^-128.</summary>
    private static void DrawScalar(Span<byte> scalar32)
    {
        Span<byte> wide = stackalloc byte[WideScalarSize];
        RandomNumberGenerator.Fill(wide);
        P256.ReduceToScalar(wide, scalar32);
        CryptographicOperations.ZeroMemory(wide);
    }
}
