using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// The client's part of the oblivious pseudorandom function (protocol.md section 6). Everything but <c>blinded</c> and <c>evaluated</c> is
/// secret; all of it is constant time, for a given length of the names.
/// </summary>
internal static class Oprf
{
    private static ReadOnlySpan<byte> InputLabel => "custodian/v1 oprf"u8;

    private static ReadOnlySpan<byte> MaskLabel => "custodian/v1 mask"u8;

    /// <summary>
    /// <c>input_i = "custodian/v1 oprf" || lp(account_id) || lp(record_id) || lp(node_id) || lp(S)</c>, in a pinned buffer of exactly that
    /// size, which the caller zeroes.
    /// </summary>
    /// <param name="account">The account.</param>
    /// <param name="record">The record.</param>
    /// <param name="node">The client's own set entry for the connection.</param>
    /// <param name="stretched">S of section 5, 32 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="stretched"/> is not 32 bytes.</exception>
    internal static byte[] Input(AccountId account, RecordId record, NodeId node, ReadOnlySpan<byte> stretched)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(stretched.Length, Limits.WordSize, nameof(stretched));
        string name = node.Value;
        byte[] input = Pinned.Bytes(
            InputLabel.Length + (4 * sizeof(uint)) + AccountId.Size + RecordId.Size + name.Length + stretched.Length);
        InputLabel.CopyTo(input);
        Span<byte> rest = input.AsSpan(InputLabel.Length);
        account.CopyTo(Prefixed(ref rest, AccountId.Size));
        record.CopyTo(Prefixed(ref rest, RecordId.Size));
        System.Text.Encoding.ASCII.GetBytes(name, Prefixed(ref rest, name.Length));
        stretched.CopyTo(Prefixed(ref rest, stretched.Length));
        return input;
    }

    /// <summary><c>blinded = x(r * hash_to_curve(input))</c>. The result hides the input from everyone who lacks r.</summary>
    /// <param name="input">What <see cref="Input"/> made.</param>
    /// <param name="blind">r: 32 bytes in 1..q-1, uniformly random, new for every node and attempt.</param>
    /// <param name="blinded32">Where the x-coordinate goes.</param>
    /// <exception cref="ArgumentException"><paramref name="blind"/> is not a scalar, or the destination is not 32 bytes.</exception>
    internal static void Blind(ReadOnlySpan<byte> input, ReadOnlySpan<byte> blind, Span<byte> blinded32)
    {
        Span<byte> point = stackalloc byte[P256.PointSize];
        try
        {
            HashToCurve.Oprf(input, point);
            P256.MultiplyPointX(blind, point, blinded32);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(point);
        }
    }

    /// <summary>
    /// <c>u = x(r^-1 * lift_x(evaluated))</c>. False, and zeros, when lift_x rejects <paramref name="evaluated"/>: the node is faulty.
    /// </summary>
    /// <param name="blind">The r of <see cref="Blind"/>.</param>
    /// <param name="evaluated">The node's answer, of any length.</param>
    /// <param name="unblinded32">Where u goes.</param>
    /// <exception cref="ArgumentException"><paramref name="blind"/> is not a scalar, or the destination is not 32 bytes.</exception>
    internal static bool TryUnblind(ReadOnlySpan<byte> blind, ReadOnlySpan<byte> evaluated, Span<byte> unblinded32)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(unblinded32.Length, Limits.WordSize, nameof(unblinded32));
        unblinded32.Clear();
        Span<byte> inverse = stackalloc byte[P256.WordSize];
        Span<byte> point = stackalloc byte[P256.PointSize];
        try
        {
            P256.InvertScalar(blind, inverse);
            bool lifted = P256.TryLiftX(evaluated, point);
            if (lifted)
            {
                P256.MultiplyPointX(inverse, point, unblinded32);
            }

            return lifted;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(inverse);
        }
    }

    /// <summary><c>mask_i = HKDF(salt = "custodian/v1 mask", ikm = u || lp(input_i), info = "", 32)</c>.</summary>
    /// <param name="unblinded32">u, 32 bytes.</param>
    /// <param name="input">What <see cref="Input"/> made.</param>
    /// <param name="mask32">Where the mask goes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A length is wrong.</exception>
    internal static void Mask(ReadOnlySpan<byte> unblinded32, ReadOnlySpan<byte> input, Span<byte> mask32)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(unblinded32.Length, Limits.WordSize, nameof(unblinded32));
        ArgumentOutOfRangeException.ThrowIfNotEqual(mask32.Length, Limits.ShareSize, nameof(mask32));
        byte[] material = Pinned.Bytes(unblinded32.Length + sizeof(uint) + input.Length);
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        try
        {
            unblinded32.CopyTo(material);
            Span<byte> rest = material.AsSpan(unblinded32.Length);
            input.CopyTo(Prefixed(ref rest, input.Length));
            HKDF.Extract(HashAlgorithmName.SHA256, material, MaskLabel, key);
            HKDF.Expand(HashAlgorithmName.SHA256, key, mask32, info: default);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(material);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Writes the length of an lp field and returns the place of its content; <paramref name="rest"/> moves behind both.</summary>
    private static Span<byte> Prefixed(ref Span<byte> rest, int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(rest, length);
        Span<byte> content = rest.Slice(sizeof(int), length);
        rest = rest[(sizeof(int) + length)..];
        return content;
    }
}
