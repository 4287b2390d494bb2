using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Modes;

/// <summary>A record's key in memory: which numbers are keys, and what one gives.</summary>
public sealed class MemoryKeyTests(SoftHsmWithKeys token) : IClassFixture<SoftHsmWithKeys>
{
    private const string Order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", false)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001", true)]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000", true)]
    [InlineData("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", true)]
    [InlineData(Order, false)]
    [InlineData("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632552", false)]
    [InlineData("FFFFFFFF00000001000000000000000000000000000000000000000000000000", false)]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", false)]
    public void IsScalar_AtTheEdgesOfTheRange_IsThoseAboveZeroAndBelowTheOrder(string number, bool expected) =>
        Assert.Equal(expected, MemoryKey.IsScalar(Convert.FromHexString(number)));

    [Fact]
    public void Evaluate_One_GivesThePointsOwnX()
    {
        var one = new byte[32];
        one[^1] = 1;

        Assert.Equal(P256.Generator[1..33], Evaluate(one, P256.Generator));
    }

    [Fact]
    public void Evaluate_OrderLessOne_GivesTheSameX() =>
        Assert.Equal(P256.Generator[1..33], Evaluate(Convert.FromHexString(Order[..^2] + "50"), P256.Generator));

    [Fact]
    public void Make_Key_IsDrawnByTheModuleAndGivesItsPublicPoint()
    {
        using var module = new InterceptedModule();
        using var connection = TokenConnection.Open(token.Options());
        using var session = connection.OpenSession();
        var (x, point, key) = (new byte[32], new byte[65], new byte[Pkcs11Session.MaxWrappedKeyLength]);

        Assert.Equal(32, MemoryKey.Make(session, P256.Generator, x, point, key));

        Assert.Equal(1, module.Calls(Function.GenerateRandom));
        Assert.Equal(0x04, point[0]);
        Assert.Equal(x, point[1..33]);
        using var known = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key[..32] });
        Assert.Equal(P256.Point(known), point);
    }

    [Fact]
    public void Make_ModuleDrawsNoKeys_DrawsAgainAndGivesUpInTheEnd()
    {
        using var module = new InterceptedModule();
        using var connection = TokenConnection.Open(token.Options());
        using var session = connection.OpenSession();
        var (x, point, key) = (new byte[32], new byte[65], new byte[32]);
        var left = 2;
        unsafe void Overwrite(Function called, nuint second, nuint _)
        {
            if (called == Function.GenerateRandom && left-- > 0)
            {
                Convert.FromHexString(Order).CopyTo(new Span<byte>((void*)second, 32));
            }
        }
        module.Amend = Overwrite;

        MemoryKey.Make(session, P256.Generator, x, point, key);

        Assert.Equal(3, module.Calls(Function.GenerateRandom));
        Assert.True(MemoryKey.IsScalar(key));
        left = int.MaxValue;
        var failure = Assert.Throws<HsmException>(() => MemoryKey.Make(session, P256.Generator, x, point, key));
        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
    }

    [Fact]
    public void Evaluate_PointOffTheCurve_IsData()
    {
        var off = P256.Generator.ToArray();
        off[^1] ^= 1;

        Assert.Equal(HsmErrorClass.Data, Assert.Throws<HsmException>(() => Evaluate(RandomNumberGenerator.GetBytes(31).Prepend((byte)1).ToArray(), off)).Class);
    }

    private static byte[] Evaluate(byte[] key, byte[] point)
    {
        var x = new byte[32];
        MemoryKey.Evaluate(key, point, x);
        return x;
    }
}
