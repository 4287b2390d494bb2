using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// Points of P-256 as bytes (protocol.md section 2): x-coordinates of 32, SEC1 compressed points of 33 and uncompressed ones of 65 bytes,
/// big-endian. Decoding is constant time but for its answer, which is public: nothing here decodes a secret point.
/// </summary>
internal static partial class P256
{
    /// <summary>An x-coordinate or a scalar, in bytes.</summary>
    internal const int WordSize = 32;

    /// <summary>A compressed point, in bytes.</summary>
    internal const int CompressedSize = 33;

    /// <summary>An uncompressed point, in bytes.</summary>
    internal const int PointSize = 65;

    private const byte EvenPrefix = 2;
    private const byte OddPrefix = 3;
    private const byte UncompressedPrefix = 4;

    /// <summary>
    /// lift_x of protocol.md section 2: the point with this x-coordinate and even y. False, and a destination of zeros, when
    /// <paramref name="x"/> is not exactly 32 bytes, not below p, or not the x-coordinate of a point. Constant time for 32 bytes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is not 65 bytes.</exception>
    internal static bool TryLiftX(ReadOnlySpan<byte> x, Span<byte> point65)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(point65.Length, PointSize, nameof(point65));
        point65.Clear();
        return x.Length == WordSize && TrySolve(x, odd: 0, point65);
    }

    /// <summary>Whether <paramref name="x"/> is what <see cref="TryLiftX"/> accepts.</summary>
    internal static bool IsXCoordinate(ReadOnlySpan<byte> x)
    {
        Span<byte> point = stackalloc byte[PointSize];
        return TryLiftX(x, point);
    }

    /// <summary>Whether these are the 33 bytes of a point, SEC1 compressed.</summary>
    internal static bool IsCompressedPoint(ReadOnlySpan<byte> sec1)
    {
        Span<byte> point = stackalloc byte[PointSize];
        return TryDecompress(sec1, point);
    }

    /// <summary>
    /// Decompresses a SEC1 point. False, and a destination of zeros, when it is not exactly 33 bytes, does not begin with 2 or 3, or is
    /// not a point.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is not 65 bytes.</exception>
    internal static bool TryDecompress(ReadOnlySpan<byte> sec1, Span<byte> point65)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(point65.Length, PointSize, nameof(point65));
        point65.Clear();
        return sec1.Length == CompressedSize
            && sec1[0] is EvenPrefix or OddPrefix
            && TrySolve(sec1[1..], odd: unchecked(0 - (ulong)(sec1[0] & 1)), point65);
    }

    /// <summary>Compresses an uncompressed point, whose validity is not checked. Constant time.</summary>
    /// <exception cref="ArgumentException">The point is not 65 bytes that begin with 4, or the destination is not 33 bytes.</exception>
    internal static void Compress(ReadOnlySpan<byte> point65, Span<byte> sec1)
    {
        ThrowUnlessUncompressed(point65);
        ArgumentOutOfRangeException.ThrowIfNotEqual(sec1.Length, CompressedSize, nameof(sec1));
        sec1[0] = (byte)(EvenPrefix | (point65[^1] & 1));
        point65.Slice(1, WordSize).CopyTo(sec1[1..]);
    }

    /// <summary>
    /// Solves the curve equation for y and takes the root with the parity of <paramref name="odd"/>, all ones for odd. There is always one
    /// of each, since y is never 0 in a group of odd order.
    /// </summary>
    private static bool TrySolve(ReadOnlySpan<byte> x, ulong odd, Span<byte> point65)
    {
        Residue<P256Field> abscissa = Residue<P256Field>.Read(x, out ulong isBelow);
        Residue<P256Field> right = P256Field.CurveRightSide(abscissa);
        Residue<P256Field> root = P256Field.SquareRootCandidate(right);
        if ((root.Squared().IsSame(right) & isBelow) == 0)
        {
            return false;
        }

        point65[0] = UncompressedPrefix;
        x.CopyTo(point65[1..]);
        Residue<P256Field>.Select(root.IsOdd() ^ odd, -root, root).Write(point65[(1 + WordSize)..]);
        return true;
    }

    private static void ThrowUnlessUncompressed(ReadOnlySpan<byte> point65)
    {
        if (point65.Length != PointSize || point65[0] != UncompressedPrefix)
        {
            throw new ArgumentException("an uncompressed point is 65 bytes and begins with 4", nameof(point65));
        }
    }
}
