using System.Security.Cryptography;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

public sealed class IsolatedContractTests(OpenIsolatedHsm fixture) : HsmContract(fixture.Hsm), IClassFixture<OpenIsolatedHsm>
{
    [Fact]
    public async Task Sign_Message_VerifiesUnderTheAuditPublicKey()
    {
        var message = "audit entry"u8.ToArray();
        var point = fixture.Hsm.Keys.SigningPoint.ToArray();
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[1..33], Y = point[33..] },
        });

        Assert.True(key.VerifyData(message, (await Hsm.SignAsync(message)).Value, HashAlgorithmName.SHA256));
    }

    [Fact]
    public void Open_Token_IsDescribed() => Assert.Equal(
        new TokenDescription(SoftHsmToken.Label, fixture.Description.Serial, "SoftHSM project", "SoftHSM v2", true), fixture.Hsm.Token);

    [Theory]
    [InlineData(65 * 1024)]
    [InlineData(200_001)]
    public async Task Random_MoreThanOneFrameBrings_IsFilledToItsEnd(int length)
    {
        var destination = new byte[length];

        await Hsm.RandomAsync(destination);

        Assert.All(destination.Chunk(64), piece => Assert.Contains(piece, b => b != 0));
    }

    [Fact]
    public async Task Seal_ContextPastTheFramesBound_IsRefusedAndNothingElseDisturbed()
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await Hsm.SealAsync(new byte[1], new byte[1 << 20]));

        await Hsm.ProbeAsync(CancellationToken.None);
    }
}
