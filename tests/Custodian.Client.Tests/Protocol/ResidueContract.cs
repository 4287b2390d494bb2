using System.Numerics;

namespace Custodian.Protocol.Tests;

/// <summary>What the arithmetic modulo n must do, whichever n.</summary>
internal sealed class ResidueContract<TModulus>(BigInteger modulus, Func<Residue<TModulus>, Residue<TModulus>> invert)
    where TModulus : struct, IModulus
{
    private const int RandomValues = 400;

    private BigInteger Modulus => modulus;

    internal void ConstantsAreRight()
    {
        BigInteger limbs = TModulus.N0 + ((BigInteger)TModulus.N1 << 64) + ((BigInteger)TModulus.N2 << 128) + ((BigInteger)TModulus.N3 << 192);
        (ulong l0, ulong l1, ulong l2, ulong l3) = TModulus.RadixSquared;
        BigInteger radixSquared = l0 + ((BigInteger)l1 << 64) + ((BigInteger)l2 << 128) + ((BigInteger)l3 << 192);

        Assert.Equal(Modulus, limbs);
        Assert.Equal(BigInteger.ModPow(2, 512, Modulus), radixSquared);
        Assert.Equal(ulong.MaxValue, unchecked(TModulus.N0 * TModulus.NegatedInverse));
        Assert.Equal(BigInteger.One, Write(Residue<TModulus>.One));
    }

    internal void OperatorsAgree()
    {
        foreach ((BigInteger a, BigInteger b) in Pairs())
        {
            Residue<TModulus> x = Read(a);
            Residue<TModulus> y = Read(b);

            Assert.Equal(ReferenceCurve.Mod(a + b, Modulus), Write(x + y));
            Assert.Equal(ReferenceCurve.Mod(a - b, Modulus), Write(x - y));
            Assert.Equal(ReferenceCurve.Mod(a * b, Modulus), Write(x * y));
            Assert.Equal(ReferenceCurve.Mod(-a, Modulus), Write(-x));
            Assert.Equal(ReferenceCurve.Mod(a * a, Modulus), Write(x.Squared()));
        }
    }

    /// <summary>One factor may be any 256-bit number, on either side; digits of all ones make every row carry into its fifth digit.</summary>
    internal void ProductWithAnUnreducedFactorAgrees()
    {
        const ulong Ones = ulong.MaxValue;
        BigInteger radixInverse = Invert(BigInteger.One << 256);
        BigInteger unreduced = (BigInteger.One << 256) - 1;
        foreach (ulong top in new ulong[] { 0, 1, TModulus.N3 - 1 })
        {
            BigInteger reduced = (((BigInteger)top + 1) << 192) - 1;
            var x = Residue<TModulus>.FromMontgomery(Ones, Ones, Ones, top);
            var y = Residue<TModulus>.FromMontgomery(Ones, Ones, Ones, Ones);
            BigInteger expected = reduced * unreduced * radixInverse * radixInverse % Modulus;

            Assert.Equal(expected, Write(x * y));
            Assert.Equal(expected, Write(y * x));
        }
    }

    internal void MasksAgree()
    {
        foreach ((BigInteger a, BigInteger b) in Pairs())
        {
            Residue<TModulus> x = Read(a);
            Residue<TModulus> y = Read(b);

            Assert.Equal(Mask(a.IsZero), x.IsZero());
            Assert.Equal(Mask(a == b), x.IsSame(y));
            Assert.Equal(Mask(!a.IsEven), x.IsOdd());
            Assert.Equal(a, Write(Residue<TModulus>.Select(ulong.MaxValue, x, y)));
            Assert.Equal(b, Write(Residue<TModulus>.Select(0, x, y)));
        }
    }

    internal void InverseAgrees()
    {
        foreach (BigInteger a in Values().Where(v => !v.IsZero))
        {
            Assert.Equal(ReferenceCurve.Invert(a, Modulus), Write(invert(Read(a))));
        }

        Assert.Equal(BigInteger.Zero, Write(invert(Read(0))));
    }

    internal void ReadMarksWhatIsNotBelow()
    {
        BigInteger largest = (BigInteger.One << 256) - 1;
        foreach (BigInteger value in new[] { Modulus, Modulus + 1, Modulus + 12345, largest - 1, largest })
        {
            var residue = Residue<TModulus>.Read(ReferenceCurve.Bytes(value), out ulong isBelow);

            Assert.Equal(0ul, isBelow);
            Assert.Equal(value - Modulus, Write(residue));
        }
    }

    internal void ReduceWideAgrees()
    {
        RepeatableBytes random = new("wide");
        BigInteger largest = (BigInteger.One << 384) - 1;
        IEnumerable<BigInteger> values =
        [
            0, 1, Modulus - 1, Modulus, Modulus + 1, Modulus << 127, largest - (largest % Modulus), largest - (largest % Modulus) - 1, largest,
            .. Enumerable.Range(0, RandomValues).Select(_ => ReferenceCurve.Number(random.Next(48))),
        ];
        foreach (BigInteger value in values)
        {
            byte[] wide = new byte[48];
            byte[] digits = value.ToByteArray(isUnsigned: true, isBigEndian: true);
            digits.CopyTo(wide, 48 - digits.Length);

            Assert.Equal(value % Modulus, Write(Residue<TModulus>.ReduceWide(wide)));
        }
    }

    internal void PowerAgrees()
    {
        RepeatableBytes random = new("power");
        foreach (BigInteger exponent in Values())
        {
            BigInteger a = random.NextBelow(Modulus);

            Assert.Equal(BigInteger.ModPow(a, exponent, Modulus), Write(Read(a).Power(ReferenceCurve.Bytes(exponent))));
        }
    }

    internal static BigInteger Write(in Residue<TModulus> residue)
    {
        byte[] bytes = new byte[32];
        residue.Write(bytes);
        return ReferenceCurve.Number(bytes);
    }

    internal static Residue<TModulus> Read(BigInteger value)
    {
        var residue = Residue<TModulus>.Read(ReferenceCurve.Bytes(value), out ulong isBelow);
        Assert.Equal(ulong.MaxValue, isBelow);
        return residue;
    }

    private BigInteger Invert(BigInteger value) => ReferenceCurve.Invert(value, Modulus);

    /// <summary>Values where a carry, a borrow or a final subtraction goes one way or the other.</summary>
    private IEnumerable<BigInteger> Edges()
    {
        BigInteger word = BigInteger.One << 64;
        return
        [
            0, 1, 2, 3, word - 1, word, word + 1, (word * word) - 1, word * word, (word * word * word) - 1, word * word * word,
            (BigInteger.One << 255) - 1, BigInteger.One << 255, (BigInteger.One << 256) - Modulus, (Modulus - 1) / 2, (Modulus + 1) / 2,
            Modulus - word, Modulus - 2, Modulus - 1,
        ];
    }

    private IEnumerable<BigInteger> Values()
    {
        RepeatableBytes random = new("values");
        return [.. Edges(), .. Enumerable.Range(0, 50).Select(_ => random.NextBelow(Modulus))];
    }

    private IEnumerable<(BigInteger A, BigInteger B)> Pairs()
    {
        RepeatableBytes random = new("pairs");
        foreach (BigInteger a in Edges())
        {
            foreach (BigInteger b in Edges())
            {
                yield return (a, b);
            }
        }

        for (int i = 0; i < RandomValues; i++)
        {
            yield return (random.NextBelow(Modulus), random.NextBelow(Modulus));
        }
    }

    private static ulong Mask(bool set) => set ? ulong.MaxValue : 0;
}
