using System.Numerics;
using System.Security.Cryptography;

namespace Custodian.Protocol.Tests;

public sealed class P256Tests
{
    [Fact]
    public void TryLiftX_PublishedInvalidValues_AreRejected()
    {
        Assert.NotEmpty(Vectors.LiftXInvalid);
        foreach (byte[] invalid in Vectors.LiftXInvalid)
        {
            byte[] point = [.. Enumerable.Repeat((byte)7, P256.PointSize)];

            Assert.False(P256.TryLiftX(invalid, point));
            Assert.All(point, b => Assert.Equal(0, b));
            Assert.False(P256.IsXCoordinate(invalid));
        }
    }

    [Fact]
    public void TryLiftX_RandomValues_AcceptsExactlyThePointsWithEvenY()
    {
        RepeatableBytes random = new("lift");
        int accepted = 0;
        for (int i = 0; i < 200; i++)
        {
            BigInteger x = random.NextBelow(BigInteger.One << 256);
            BigInteger right = ReferenceCurve.RightSide(x);
            bool isPoint = x < ReferenceCurve.P && ReferenceCurve.IsSquare(right);
            byte[] point = new byte[P256.PointSize];

            Assert.Equal(isPoint, P256.TryLiftX(ReferenceCurve.Bytes(x), point));
            if (isPoint)
            {
                BigInteger root = ReferenceCurve.SquareRoot(right);
                Assert.Equal(new ReferencePoint(x, root.IsEven ? root : ReferenceCurve.P - root).Uncompressed(), point);
                accepted++;
            }
        }

        Assert.InRange(accepted, 60, 140);
    }

    [Fact]
    public void TryDecompress_BothParities_RoundTrips()
    {
        ReferencePoint point = ReferenceCurve.Generator;
        for (int i = 0; i < 20; i++)
        {
            point = ReferenceCurve.Add(point, i == 0 ? point : ReferenceCurve.Generator)!;
            foreach (ReferencePoint either in new[] { point, point with { Y = ReferenceCurve.P - point.Y } })
            {
                byte[] decompressed = new byte[P256.PointSize];
                byte[] compressed = new byte[P256.CompressedSize];

                Assert.True(P256.TryDecompress(either.Compressed(), decompressed));
                Assert.Equal(either.Uncompressed(), decompressed);
                P256.Compress(decompressed, compressed);
                Assert.Equal(either.Compressed(), compressed);
            }
        }
    }

    [Fact]
    public void IsCompressedPoint_WrongPrefixLengthOrX_IsFalse()
    {
        byte[] good = ReferenceCurve.Generator.Compressed();
        Assert.True(P256.IsCompressedPoint(good));
        for (int prefix = 0; prefix < 256; prefix++)
        {
            Assert.Equal(prefix is 2 or 3, P256.IsCompressedPoint([(byte)prefix, .. good[1..]]));
        }

        Assert.False(P256.IsCompressedPoint([]));
        Assert.False(P256.IsCompressedPoint([2]));
        Assert.False(P256.IsCompressedPoint(good.AsSpan(0, 32)));
        Assert.False(P256.IsCompressedPoint([.. good, 0]));
        Assert.False(P256.IsCompressedPoint(ReferenceCurve.Generator.Uncompressed()));
        Assert.All(Vectors.LiftXInvalid, x => Assert.False(P256.IsCompressedPoint([2, .. x])));
        Assert.All(Vectors.LiftXInvalid, x => Assert.False(P256.IsCompressedPoint([3, .. x])));
    }

    [Fact]
    public void Add_EveryPairOfSpecialAndRandomPoints_AgreesWithTheReference()
    {
        RepeatableBytes random = new("add");
        ReferencePoint some = ReferenceCurve.Multiply(random.NextBelow(ReferenceCurve.Q), ReferenceCurve.Generator)!;
        ReferencePoint? infinity = null;
        ReferencePoint?[] points =
            [infinity, ReferenceCurve.Generator, some, some with { Y = ReferenceCurve.P - some.Y }, ReferenceCurve.Add(some, some)];
        foreach (ReferencePoint? p in points)
        {
            foreach (ReferencePoint? q in points)
            {
                byte[] sum = new byte[P256.PointSize];
                (Project(p, random) + Project(q, random)).WriteUncompressed(sum);

                Assert.Equal(ReferenceCurve.Add(p, q)?.Uncompressed() ?? [4, .. new byte[64]], sum);
            }
        }
    }

    [Fact]
    public void MultiplyX_EdgeAndRandomScalars_AgreesWithTheReference()
    {
        RepeatableBytes random = new("multiply");
        IEnumerable<BigInteger> scalars =
            [1, 2, 3, ReferenceCurve.Q - 2, ReferenceCurve.Q - 1, .. Enumerable.Range(0, 5).Select(_ => random.NextBelow(ReferenceCurve.Q))];
        foreach (BigInteger scalar in scalars)
        {
            byte[] product = new byte[32];
            byte[] productOfPoint = new byte[32];
            P256.MultiplyX(ReferenceCurve.Bytes(scalar), ReferenceCurve.Bytes(ReferenceCurve.Generator.X), product);
            P256.MultiplyPointX(ReferenceCurve.Bytes(scalar), ReferenceCurve.Generator.Uncompressed(), productOfPoint);

            Assert.Equal(ReferenceCurve.Multiply(scalar, ReferenceCurve.Generator)!.X, ReferenceCurve.Number(product));
            Assert.Equal(product, productOfPoint);
        }
    }

    [Fact]
    public void MultiplyX_ScalarOrPointOutOfRange_IsMisuse()
    {
        byte[] one = ReferenceCurve.Bytes(1);
        byte[] x = ReferenceCurve.Bytes(ReferenceCurve.Generator.X);
        byte[] point = ReferenceCurve.Generator.Uncompressed();
        byte[] off = [.. point[..64], (byte)(point[64] ^ 1)];

        Assert.Throws<ArgumentException>(() => P256.MultiplyX(new byte[32], x, new byte[32]));
        Assert.Throws<ArgumentException>(() => P256.MultiplyX(ReferenceCurve.Bytes(ReferenceCurve.Q), x, new byte[32]));
        Assert.Throws<ArgumentException>(() => P256.MultiplyX(one, ReferenceCurve.Bytes(1), new byte[32]));
        Assert.Throws<ArgumentException>(() => P256.MultiplyPointX(one, point.AsSpan(1), new byte[32]));
        Assert.ThrowsAny<CryptographicException>(() => P256.MultiplyPointX(one, off, new byte[32]));
    }

    [Fact]
    public void PublicKey_RandomScalars_AgreesWithTheReference()
    {
        RepeatableBytes random = new("public keys");
        for (int i = 0; i < 5; i++)
        {
            BigInteger scalar = 1 + random.NextBelow(ReferenceCurve.Q - 1);
            byte[] publicKey = new byte[P256.CompressedSize];
            P256.PublicKey(ReferenceCurve.Bytes(scalar), publicKey);

            Assert.Equal(ReferenceCurve.Multiply(scalar, ReferenceCurve.Generator)!.Compressed(), publicKey);
        }
    }

    [Fact]
    public void IsValidScalar_Bounds_AreOneToTheOrderMinusOne()
    {
        Assert.False(P256.IsValidScalar(new byte[32]));
        Assert.True(P256.IsValidScalar(ReferenceCurve.Bytes(1)));
        Assert.True(P256.IsValidScalar(ReferenceCurve.Bytes(ReferenceCurve.Q - 1)));
        Assert.False(P256.IsValidScalar(ReferenceCurve.Bytes(ReferenceCurve.Q)));
        Assert.False(P256.IsValidScalar(ReferenceCurve.Bytes(ReferenceCurve.P)));
        Assert.False(P256.IsValidScalar(ReferenceCurve.Bytes((BigInteger.One << 256) - 1)));
        Assert.False(P256.IsValidScalar([]));
        Assert.False(P256.IsValidScalar([.. new byte[30], 1]));
        Assert.False(P256.IsValidScalar([.. new byte[32], 1]));
    }

    [Fact]
    public void InvertScalar_TimesTheScalar_IsOne()
    {
        RepeatableBytes random = new("invert");
        for (int i = 0; i < 20; i++)
        {
            BigInteger scalar = 1 + random.NextBelow(ReferenceCurve.Q - 1);
            byte[] inverse = new byte[32];
            P256.InvertScalar(ReferenceCurve.Bytes(scalar), inverse);

            Assert.Equal(BigInteger.One, scalar * ReferenceCurve.Number(inverse) % ReferenceCurve.Q);
        }
    }

    [Fact]
    public void InvertScalar_Zero_IsMisuse() => Assert.Throws<ArgumentException>(() => P256.InvertScalar(new byte[32], new byte[32]));

    [Fact]
    public void ReduceToScalar_EdgeAndRandomValues_AgreesWithBigIntegers()
    {
        RepeatableBytes random = new("reduce");
        BigInteger m = ReferenceCurve.Q - 1;
        BigInteger largest = (BigInteger.One << 384) - 1;
        IEnumerable<BigInteger> values =
        [
            0, 1, m - 1, m, m + 1, m * 2, (m << 128) - 1, m << 127, largest - (largest % m), largest - (largest % m) - 1, largest,
            .. Enumerable.Range(0, 200).Select(_ => ReferenceCurve.Number(random.Next(48))),
        ];
        foreach (BigInteger value in values)
        {
            byte[] wide = new byte[48];
            byte[] digits = value.ToByteArray(isUnsigned: true, isBigEndian: true);
            digits.CopyTo(wide, 48 - digits.Length);
            byte[] scalar = new byte[32];
            P256.ReduceToScalar(wide, scalar);

            Assert.Equal((value % m) + 1, ReferenceCurve.Number(scalar));
            Assert.True(P256.IsValidScalar(scalar));
        }
    }

    /// <summary>The point in homogeneous coordinates with a Z that is not 1; infinity as (0 : Y : 0).</summary>
    private static ProjectivePoint Project(ReferencePoint? point, RepeatableBytes random)
    {
        BigInteger z = 2 + random.NextBelow(ReferenceCurve.P - 2);
        return point is null
            ? new(Field(0), Field(z), Field(0))
            : new(Field(point.X * z % ReferenceCurve.P), Field(point.Y * z % ReferenceCurve.P), Field(z));
    }

    private static Residue<P256Field> Field(BigInteger value) => Residue<P256Field>.Read(ReferenceCurve.Bytes(value), out _);
}
