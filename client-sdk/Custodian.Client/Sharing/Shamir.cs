using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Custodian.Client;

/// <summary>
/// Shamir's secret sharing over GF(2^8) (protocol.md section 4), each byte on its own. Shares lie one after the other in one span, in the
/// order of their indexes, each as long as the secret. Indexes are public; no branch and no memory index depends on a byte of the
/// secret, of a share or of a coefficient. Nothing is allocated once a thread has split for the first time.
/// </summary>
internal static class Shamir
{
    private const int Lane = 32;

    /// <summary>Splits <paramref name="secret"/> so that any <paramref name="threshold"/> shares give it back and fewer say nothing.</summary>
    /// <param name="secret">1 byte or more.</param>
    /// <param name="threshold">How many shares recover, 1 up to the number of indexes.</param>
    /// <param name="indexes">The shares' indexes, 1..255, distinct.</param>
    /// <param name="shares">Receives the shares: exactly indexes x secret bytes, apart from <paramref name="secret"/> in memory.</param>
    /// <exception cref="ArgumentException">An argument is outside its form.</exception>
    internal static void Split(ReadOnlySpan<byte> secret, int threshold, ReadOnlySpan<byte> indexes, Span<byte> shares)
    {
        CheckSplit(secret, threshold, indexes, shares);
        Span<byte> coefficients = stackalloc byte[(threshold - 1) * Lane];
        try
        {
            for (int start = 0; start < secret.Length; start += Lane)
            {
                CoefficientSource.Fill(coefficients);
                SplitLane(secret, start, coefficients, indexes, shares);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(coefficients);
        }
    }

    /// <summary>Splits with given coefficients, to reproduce a known sharing.</summary>
    /// <param name="secret">1 byte or more.</param>
    /// <param name="threshold">How many shares recover, 1 up to the number of indexes.</param>
    /// <param name="coefficients">For each byte of the secret in order, the threshold - 1 coefficients of x^1, x^2, ...</param>
    /// <param name="indexes">The shares' indexes, 1..255, distinct.</param>
    /// <param name="shares">Receives the shares: exactly indexes x secret bytes.</param>
    /// <exception cref="ArgumentException">An argument is outside its form.</exception>
    internal static void Split(
        ReadOnlySpan<byte> secret, int threshold, ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> indexes, Span<byte> shares)
    {
        CheckSplit(secret, threshold, indexes, shares);
        if (coefficients.Length != secret.Length * (threshold - 1))
        {
            throw new ArgumentException("not threshold - 1 coefficients for each byte of the secret", nameof(coefficients));
        }

        Span<byte> planes = stackalloc byte[(threshold - 1) * Lane];
        try
        {
            for (int start = 0; start < secret.Length; start += Lane)
            {
                int length = Math.Min(Lane, secret.Length - start);
                ToPlanes(coefficients.Slice(start * (threshold - 1), length * (threshold - 1)), planes);
                SplitLane(secret, start, planes, indexes, shares);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(planes);
        }
    }

    /// <summary>Recovers the secret from exactly as many shares as its threshold. From other shares, another value results: nothing here can tell.</summary>
    /// <param name="indexes">The shares' indexes, 1..255, distinct.</param>
    /// <param name="shares">The shares in that order: exactly indexes x secret bytes.</param>
    /// <param name="secret">Receives the secret, 1 byte or more; apart from <paramref name="shares"/> in memory.</param>
    /// <exception cref="ArgumentException">An argument is outside its form.</exception>
    internal static void Combine(ReadOnlySpan<byte> indexes, ReadOnlySpan<byte> shares, Span<byte> secret) =>
        Interpolate(indexes, shares, 0, secret);

    /// <summary>
    /// The share that <paramref name="targetIndex"/> must have for it to lie on the polynomial of the given shares: what a node answered
    /// otherwise was a lie, or one of these was.
    /// </summary>
    /// <param name="indexes">As many indexes as the threshold, 1..255, distinct.</param>
    /// <param name="shares">The shares in that order: exactly indexes x share bytes.</param>
    /// <param name="targetIndex">The index asked for, 1..255; one of <paramref name="indexes"/> gives that share back.</param>
    /// <param name="share">Receives the share, 1 byte or more; apart from <paramref name="shares"/> in memory.</param>
    /// <exception cref="ArgumentException">An argument is outside its form.</exception>
    internal static void Extrapolate(ReadOnlySpan<byte> indexes, ReadOnlySpan<byte> shares, byte targetIndex, Span<byte> share)
    {
        ArgumentOutOfRangeException.ThrowIfZero(targetIndex);
        Interpolate(indexes, shares, targetIndex, share);
    }

    private static void Interpolate(ReadOnlySpan<byte> indexes, ReadOnlySpan<byte> shares, byte target, Span<byte> value)
    {
        CheckShares(value.Length, indexes, shares);
        if (value.Overlaps(shares))
        {
            throw new ArgumentException("the result must lie apart from the shares", nameof(shares));
        }

        Span<byte> weights = stackalloc byte[indexes.Length];
        LagrangeWeights(indexes, target, weights);
        for (int start = 0; start < value.Length; start += Lane)
        {
            Store(WeightedSum(shares, value.Length, start, weights), value, start);
        }
    }

    /// <summary>
    /// Up to 32 bytes of each share times its weight, summed up: for every bit of the weights the sum of the shares that have it, kept in a
    /// register, and in the end Horner's rule over these, so that nothing but the sum is doubled.
    /// </summary>
    private static Vector256<ulong> WeightedSum(ReadOnlySpan<byte> shares, int length, int start, ReadOnlySpan<byte> weights)
    {
        Vector256<ulong> x0 = default, x1 = default, x2 = default, x3 = default, x4 = default, x5 = default, x6 = default, x7 = default;
        for (int i = 0; i < weights.Length; i++)
        {
            Vector256<ulong> share = Load(shares.Slice(i * length, length), start);
            uint weight = weights[i];
            x0 ^= share & Gf256.Mask(weight);
            x1 ^= share & Gf256.Mask(weight >> 1);
            x2 ^= share & Gf256.Mask(weight >> 2);
            x3 ^= share & Gf256.Mask(weight >> 3);
            x4 ^= share & Gf256.Mask(weight >> 4);
            x5 ^= share & Gf256.Mask(weight >> 5);
            x6 ^= share & Gf256.Mask(weight >> 6);
            x7 ^= share & Gf256.Mask(weight >> 7);
        }

        Vector256<ulong> sum = Gf256.MultiplyByX(x7) ^ x6;
        sum = Gf256.MultiplyByX(sum) ^ x5;
        sum = Gf256.MultiplyByX(sum) ^ x4;
        sum = Gf256.MultiplyByX(sum) ^ x3;
        sum = Gf256.MultiplyByX(sum) ^ x2;
        sum = Gf256.MultiplyByX(sum) ^ x1;
        return Gf256.MultiplyByX(sum) ^ x0;
    }

    /// <summary>The weight of each share in the value at <paramref name="target"/>: the product of (target - x_j) / (x_i - x_j) over j other than i.</summary>
    private static void LagrangeWeights(ReadOnlySpan<byte> indexes, byte target, Span<byte> weights)
    {
        for (int i = 0; i < indexes.Length; i++)
        {
            byte numerator = 1;
            byte denominator = 1;
            for (int j = 0; j < indexes.Length; j++)
            {
                if (j != i)
                {
                    numerator = Gf256.MultiplyPublic(numerator, (byte)(target ^ indexes[j]));
                    denominator = Gf256.MultiplyPublic(denominator, (byte)(indexes[i] ^ indexes[j]));
                }
            }

            weights[i] = Gf256.DividePublic(numerator, denominator);
        }
    }

    /// <summary>Horner's rule for up to 32 bytes of the secret, at every index. <paramref name="planes"/> holds 32 coefficients of x^1, 32 of x^2, ...</summary>
    private static void SplitLane(
        ReadOnlySpan<byte> secret, int start, ReadOnlySpan<byte> planes, ReadOnlySpan<byte> indexes, Span<byte> shares)
    {
        Vector256<ulong> constant = Load(secret, start);
        for (int i = 0; i < indexes.Length; i++)
        {
            Vector256<ulong> value = Vector256<ulong>.Zero;
            for (int plane = planes.Length - Lane; plane >= 0; plane -= Lane)
            {
                value = Gf256.Multiply(value ^ Load(planes, plane), indexes[i]);
            }

            Store(value ^ constant, shares.Slice(i * secret.Length, secret.Length), start);
        }
    }

    private static void ToPlanes(ReadOnlySpan<byte> coefficients, Span<byte> planes)
    {
        int perByte = planes.Length / Lane;
        for (int i = 0; i < coefficients.Length; i++)
        {
            planes[i % perByte * Lane + i / perByte] = coefficients[i];
        }
    }

    private static Vector256<ulong> Load(ReadOnlySpan<byte> bytes, int start)
    {
        ReadOnlySpan<byte> rest = bytes[start..];
        if (rest.Length >= Lane)
        {
            return Vector256.Create(rest).AsUInt64();
        }

        Vector256<byte> partial = Vector256<byte>.Zero;
        rest.CopyTo(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref partial, 1)));
        return partial.AsUInt64();
    }

    private static void Store(Vector256<ulong> value, Span<byte> bytes, int start)
    {
        Span<byte> rest = bytes[start..];
        if (rest.Length >= Lane)
        {
            value.AsByte().CopyTo(rest);
            return;
        }

        MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref value, 1))[..rest.Length].CopyTo(rest);
    }

    private static void CheckSplit(ReadOnlySpan<byte> secret, int threshold, ReadOnlySpan<byte> indexes, ReadOnlySpan<byte> shares)
    {
        CheckShares(secret.Length, indexes, shares);
        if (threshold < 1 || threshold > indexes.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "the threshold is 1 up to the number of indexes");
        }

        if (shares.Overlaps(secret))
        {
            throw new ArgumentException("the shares must lie apart from the secret", nameof(shares));
        }
    }

    private static void CheckShares(int length, ReadOnlySpan<byte> indexes, ReadOnlySpan<byte> shares)
    {
        if (length == 0)
        {
            throw new ArgumentException("a secret is at least one byte");
        }

        CheckIndexes(indexes);
        if (shares.Length != (long)length * indexes.Length)
        {
            throw new ArgumentException("not one share of the secret's length for each index", nameof(shares));
        }
    }

    private static void CheckIndexes(ReadOnlySpan<byte> indexes)
    {
        if (indexes.IsEmpty)
        {
            throw new ArgumentException("no index was given", nameof(indexes));
        }

        for (int i = 0; i < indexes.Length; i++)
        {
            if (indexes[i] == 0 || indexes[..i].Contains(indexes[i]))
            {
                throw new ArgumentException("indexes are 1 to 255 and distinct", nameof(indexes));
            }
        }
    }
}
