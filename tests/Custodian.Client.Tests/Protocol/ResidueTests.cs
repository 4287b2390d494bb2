using System.Numerics;

namespace Custodian.Protocol.Tests;

public sealed class ResidueTests
{
    private static readonly ResidueContract<P256Field> Field = new(ReferenceCurve.P, v => P256Field.Invert(v));
    private static readonly ResidueContract<P256Order> Order = new(ReferenceCurve.Q, v => P256Order.Invert(v));

    [Fact]
    public void Modulus_Limbs_AreTheModulusAndItsConstants()
    {
        Field.ConstantsAreRight();
        Order.ConstantsAreRight();
    }

    [Fact]
    public void Operators_EdgeAndRandomValues_AgreeWithBigIntegers()
    {
        Field.OperatorsAgree();
        Order.OperatorsAgree();
    }

    [Fact]
    public void Multiply_UnreducedFactor_AgreesWithBigIntegers()
    {
        Field.ProductWithAnUnreducedFactorAgrees();
        Order.ProductWithAnUnreducedFactorAgrees();
    }

    [Fact]
    public void Masks_EdgeAndRandomValues_SayWhatTheIntegersSay()
    {
        Field.MasksAgree();
        Order.MasksAgree();
    }

    [Fact]
    public void Invert_EdgeAndRandomValues_GivesTheInverseAndZeroForZero()
    {
        Field.InverseAgrees();
        Order.InverseAgrees();
    }

    [Fact]
    public void Read_ValuesFromTheModulusOn_AreMarkedAndReduced()
    {
        Field.ReadMarksWhatIsNotBelow();
        Order.ReadMarksWhatIsNotBelow();
    }

    [Fact]
    public void ReduceWide_EdgeAndRandomValues_AgreesWithBigIntegers()
    {
        Field.ReduceWideAgrees();
        Order.ReduceWideAgrees();
    }

    [Fact]
    public void Power_RandomExponents_AgreesWithBigIntegers()
    {
        Field.PowerAgrees();
        Order.PowerAgrees();
    }

    [Fact]
    public void B_OfTheCurve_IsThatOfTheStandard() => Assert.Equal(ReferenceCurve.B, ResidueContract<P256Field>.Write(P256Field.B));

    [Fact]
    public void SquareRootCandidate_OfSquares_IsARoot()
    {
        RepeatableBytes random = new("roots");
        for (int i = 0; i < 50; i++)
        {
            BigInteger root = random.NextBelow(ReferenceCurve.P);
            BigInteger found = ResidueContract<P256Field>.Write(P256Field.SquareRootCandidate(ResidueContract<P256Field>.Read(root).Squared()));

            Assert.Contains(found, new[] { root, ReferenceCurve.P - root });
        }
    }

    [Fact]
    public void CurveRightSide_RandomX_AgreesWithBigIntegers()
    {
        RepeatableBytes random = new("right side");
        for (int i = 0; i < 50; i++)
        {
            BigInteger x = random.NextBelow(ReferenceCurve.P);

            Assert.Equal(ReferenceCurve.RightSide(x), ResidueContract<P256Field>.Write(P256Field.CurveRightSide(ResidueContract<P256Field>.Read(x))));
        }
    }
}
