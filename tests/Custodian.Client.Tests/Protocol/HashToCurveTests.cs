using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Custodian.Protocol.Tests;

public sealed class HashToCurveTests
{
    [Fact]
    public void Hash_PublishedVectors_GivesTheirPoints()
    {
        Assert.NotEmpty(Vectors.HashToCurve);
        foreach (JsonElement vector in Vectors.HashToCurve)
        {
            byte[] point = new byte[P256.PointSize];
            HashToCurve.Hash(Bytes(vector, "msg"), Bytes(vector, "dst"), point);

            Assert.Equal("04" + vector.GetProperty("x").GetString() + vector.GetProperty("y").GetString(), Convert.ToHexStringLower(point));
        }
    }

    [Fact]
    public void Hash_MessagesOfEveryLength_AgreesWithTheReference()
    {
        RepeatableBytes random = new("messages");
        foreach (int length in new[] { 0, 1, 31, 32, 55, 56, 63, 64, 65, 127, 128, 200, 1000 })
        {
            byte[] message = random.Next(length);
            byte[] tag = random.Next(1 + random.NextInt(255));
            byte[] point = new byte[P256.PointSize];
            HashToCurve.Hash(message, tag, point);

            Assert.Equal(ReferenceCurve.HashToCurve(message, tag).Uncompressed(), point);
        }
    }

    [Fact]
    public void Map_ExceptionalAndRandomElements_AgreesWithTheReference()
    {
        RepeatableBytes random = new("map");
        BigInteger rootOfTenth = ReferenceCurve.SquareRoot(ReferenceCurve.Invert(10, ReferenceCurve.P));
        IEnumerable<BigInteger> elements =
        [
            0, 1, 2, ReferenceCurve.P - 1, rootOfTenth, ReferenceCurve.P - rootOfTenth,
            .. Enumerable.Range(0, 60).Select(_ => random.NextBelow(ReferenceCurve.P)),
        ];
        foreach (BigInteger u in elements)
        {
            byte[] point = new byte[P256.PointSize];
            SimplifiedSwu.Map(Residue<P256Field>.Read(ReferenceCurve.Bytes(u), out _)).WriteUncompressed(point);

            Assert.Equal(ReferenceCurve.Map(u).Uncompressed(), point);
        }
    }

    [Fact]
    public void Hash_TagOrDestinationOfAWrongLength_IsMisuse()
    {
        Assert.Throws<ArgumentException>(() => HashToCurve.Hash([], [], new byte[65]));
        Assert.Throws<ArgumentException>(() => HashToCurve.Hash([], new byte[256], new byte[65]));
        Assert.Throws<ArgumentOutOfRangeException>(() => HashToCurve.Hash([], [1], new byte[64]));
    }

    private static byte[] Bytes(JsonElement vector, string field) => Encoding.UTF8.GetBytes(vector.GetProperty(field).GetString()!);
}
