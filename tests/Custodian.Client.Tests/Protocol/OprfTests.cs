namespace Custodian.Protocol.Tests;

public sealed class OprfTests
{
    [Fact]
    public void Input_EveryVector_IsThatOfTheVector()
    {
        foreach ((VectorCase c, VectorParticipant p) in Participants())
        {
            Assert.Equal(p.Hex("oprf_input"), Input(c, p));
        }
    }

    [Fact]
    public void HashToCurve_EveryVector_GivesThePointOfTheVector()
    {
        foreach ((_, VectorParticipant p) in Participants())
        {
            byte[] point = new byte[P256.PointSize];
            HashToCurve.Oprf(p.Hex("oprf_input"), point);

            Assert.Equal(p.Hex("hashed_point_x"), point[1..33]);
        }
    }

    [Fact]
    public void Blind_EveryVector_GivesTheBlindedPointOfTheVector()
    {
        foreach ((_, VectorParticipant p) in Participants())
        {
            byte[] blinded = new byte[32];
            Oprf.Blind(p.Hex("oprf_input"), p.Hex("blind"), blinded);

            Assert.Equal(p.Hex("blinded"), blinded);
        }
    }

    [Fact]
    public void MultiplyX_ByTheNodeKeyOfEveryVector_GivesTheEvaluatedPoint()
    {
        foreach ((_, VectorParticipant p) in Participants())
        {
            byte[] evaluated = new byte[32];
            P256.MultiplyX(p.Hex("node_key"), p.Hex("blinded"), evaluated);

            Assert.Equal(p.Hex("evaluated"), evaluated);
        }
    }

    [Fact]
    public void TryUnblind_EveryVector_GivesTheUnblindedPoint()
    {
        foreach ((_, VectorParticipant p) in Participants())
        {
            byte[] unblinded = new byte[32];

            Assert.True(Oprf.TryUnblind(p.Hex("blind"), p.Hex("evaluated"), unblinded));
            Assert.Equal(p.Hex("unblinded"), unblinded);
        }
    }

    [Fact]
    public void Mask_EveryVector_TurnsTheShareIntoTheMaskedShare()
    {
        foreach ((_, VectorParticipant p) in Participants())
        {
            byte[] mask = new byte[32];
            Oprf.Mask(p.Hex("unblinded"), p.Hex("oprf_input"), mask);

            Assert.Equal(p.Hex("mask"), mask);
            Assert.Equal(p.Hex("masked_share"), p.Hex("share").Zip(mask, (s, m) => (byte)(s ^ m)));
        }
    }

    [Fact]
    public void TryUnblind_OtherBlind_GivesAnotherPoint()
    {
        VectorParticipant p = Vectors.First.Participants[0];
        byte[] unblinded = new byte[32];

        Assert.True(Oprf.TryUnblind(ReferenceCurve.Bytes(2), p.Hex("evaluated"), unblinded));
        Assert.NotEqual(p.Hex("unblinded"), unblinded);
    }

    [Fact]
    public void TryUnblind_AnswerThatIsNoPoint_IsFalseAndZeros()
    {
        byte[] blind = ReferenceCurve.Bytes(2);
        foreach (byte[] invalid in (IEnumerable<byte[]>)[.. Vectors.LiftXInvalid, []])
        {
            byte[] unblinded = [.. Enumerable.Repeat((byte)9, 32)];

            Assert.False(Oprf.TryUnblind(blind, invalid, unblinded));
            Assert.All(unblinded, b => Assert.Equal(0, b));
        }
    }

    [Fact]
    public void Blind_BlindOutOfRange_IsMisuse()
    {
        byte[] input = Vectors.First.Participants[0].Hex("oprf_input");

        Assert.Throws<ArgumentException>(() => Oprf.Blind(input, new byte[32], new byte[32]));
        Assert.Throws<ArgumentException>(() => Oprf.Blind(input, ReferenceCurve.Bytes(ReferenceCurve.Q), new byte[32]));
        Assert.Throws<ArgumentException>(() => Oprf.TryUnblind(new byte[32], ReferenceCurve.Bytes(ReferenceCurve.Generator.X), new byte[32]));
    }

    [Fact]
    public void Input_StretchedSecretOfAnotherLength_IsMisuse()
    {
        VectorCase c = Vectors.First;

        Assert.Throws<ArgumentOutOfRangeException>(() => Oprf.Input(c.AccountId, c.RecordId, c.Participants[0].NodeId, new byte[31]));
    }

    private static byte[] Input(VectorCase c, VectorParticipant p) => Oprf.Input(c.AccountId, c.RecordId, p.NodeId, c.Hex("stretched"));

    private static IEnumerable<(VectorCase Case, VectorParticipant Participant)> Participants() =>
        Vectors.Cases.SelectMany(c => c.Participants, (c, p) => (c, p));
}
