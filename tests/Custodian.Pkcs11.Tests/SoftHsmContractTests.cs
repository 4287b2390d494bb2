using System.Security.Cryptography;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

public sealed class SoftHsmContractTests(OpenSoftHsm fixture) : HsmContract(fixture.Hsm), IClassFixture<OpenSoftHsm>
{
    [Fact]
    public async Task Sign_Message_VerifiesUnderTheAuditPublicKey()
    {
        var message = "audit entry"u8.ToArray();
        using var key = AuditKey(fixture.Hsm);

        var signature = (await Hsm.SignAsync(message)).Value;

        Assert.Equal(64, signature.Length);
        Assert.True(key.VerifyData(message, signature, HashAlgorithmName.SHA256));
        Assert.False(key.VerifyData("other entry"u8.ToArray(), signature, HashAlgorithmName.SHA256));
    }

    [Fact]
    public void Open_Token_IsFoundByLabel()
    {
        Assert.Equal(SoftHsmToken.Label, fixture.Hsm.Token.Label);
        Assert.Equal(fixture.Description.Serial, fixture.Hsm.Token.Serial);
    }

    private static ECDsa AuditKey(Pkcs11Hsm hsm)
    {
        var point = hsm.Keys.SigningPoint.ToArray();
        return ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[1..33], Y = point[33..] },
        });
    }
}
